import { yieldToEventLoop } from "../../async/yield_to_event_loop.ts";
import { lookAt, sameStamp, stampOfInfo } from "../../store/disk/file_stamp.ts";
import type { HashCache } from "../../store/hash/hash_cache.ts";
import type { FolderFiles } from "../../store/shares/folder_files.ts";

/** Files looked at before others get a turn. */
const YIELD_FILES = 500;

/**
 * True when all files of a shared folder are there and have the content that was announced; one that
 * looks changed is hashed. Throws a `disk` Fault for a file that can't be read, and the signal's reason.
 */
export async function isFolderWhole(
  folder: string,
  { folderFiles, cache, signal }: {
    folderFiles: FolderFiles;
    cache: HashCache;
    signal: AbortSignal;
  },
): Promise<boolean> {
  for (let after = "";;) {
    const some = folderFiles.list(folder, after, YIELD_FILES);
    for (const { path, id, stamp } of some) {
      const now = lookAt(path);
      if (!now?.isFile) return false;
      if (sameStamp(stampOfInfo(now), stamp)) continue;
      if ((await cache.identify(path, { signal })).id !== id) return false;
    }
    if (some.length < YIELD_FILES) return true;
    after = some.at(-1)!.path;
    await yieldToEventLoop(signal);
  }
}
