import { Pool } from "../../async/pool.ts";
import { canSyncFolders, cantSync } from "../../system/sync_folder.ts";
import { writeFault } from "../disk/file_stamp.ts";

/** Files or folders that are synced at a time. */
const SYNCS = 32;

/** Makes the contents of files durable. Throws a `disk` Fault, and the signal's reason. */
export async function syncFiles(paths: Iterable<string>, signal?: AbortSignal): Promise<void> {
  // Windows syncs only what is open for writing.
  await syncAll(paths, { write: Deno.build.os === "windows", tolerate: () => false, signal });
}

/** Makes the names in folders durable, as syncFolder does. Throws as {@link syncFiles} does. */
export async function syncFolders(paths: Iterable<string>, signal?: AbortSignal): Promise<void> {
  if (canSyncFolders) await syncAll(paths, { write: false, tolerate: cantSync, signal });
}

async function syncAll(
  paths: Iterable<string>,
  { write, tolerate, signal }: {
    write: boolean;
    tolerate: (error: unknown) => boolean;
    signal?: AbortSignal;
  },
): Promise<void> {
  const pool = new Pool(SYNCS);
  try {
    for (const path of paths) {
      signal?.throwIfAborted();
      await pool.add(async () => {
        try {
          using file = await Deno.open(path, { read: true, write });
          await file.sync();
        } catch (cause) {
          if (!tolerate(cause)) throw writeFault(path, cause);
        }
      });
    }
  } finally {
    await pool.settled();
  }
}
