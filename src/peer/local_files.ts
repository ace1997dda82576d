import { getLogger } from "@logtape/logtape";
import { CHUNK_SIZE, PAGE_DIGESTS } from "../content/sizes.ts";
import { Fault, messageOf } from "../fault.ts";
import type { HashCache } from "../store/hash_cache.ts";
import type { Taker } from "../store/hash_file.ts";
import type { LocalFile } from "./reuse.ts";

const log = getLogger(["shoal", "peer", "reuse"]);

/** Pages of digests that are looked through for files that nobody named: 64 GiB of content. */
const CACHED_PAGES = 512;

/**
 * Files here that a download may have chunks in common with: what the user named, hashed if need be, and
 * what is known of from before, the newest first. Throws a `usage` or `disk` Fault for a named one that
 * can't be read, and the signal's reason.
 */
export async function localFiles(
  { size, named = [] }: {
    /** Of what is wanted. */
    size: number;
    /** Absolute paths. */
    named?: string[];
  },
  { cache, signal }: { cache: HashCache; signal: AbortSignal },
): Promise<LocalFile[]> {
  const files = new Map<string, LocalFile>();
  const add = (path: string, id: string, size: number) => {
    if (size > 0 && !files.has(id)) files.set(id, { path, id, size });
  };
  for (const path of named) {
    const { id, stamp } = await cache.identify(path, { signal, what: "reuse", follow: true });
    add(path, id, stamp.size);
  }
  if (size <= CHUNK_SIZE) return [...files.values()];
  let pages = 0;
  for (const { path, id, size } of cache.files(CACHED_PAGES)) {
    pages += Math.ceil(size / CHUNK_SIZE / PAGE_DIGESTS);
    if (pages > CACHED_PAGES) break;
    add(path, id, size);
  }
  return [...files.values()];
}

/**
 * The file that is to be replaced; undefined when it can't be read. It is hashed if need be, and `taker`
 * has what it wants of it meanwhile. Throws the signal's reason.
 */
export async function replacedFile(
  path: string,
  { cache, signal, taker }: { cache: HashCache; signal: AbortSignal; taker: Taker },
): Promise<LocalFile | undefined> {
  try {
    const { id, stamp } = await cache.identify(path, { signal, what: "reuse", taker });
    return { path, id, size: stamp.size };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Fault)) throw error;
    log.debug("{why}", { why: messageOf(error) });
  }
}
