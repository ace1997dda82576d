import { getLogger } from "@logtape/logtape";
import { CHUNK_SIZE, PAGE_DIGESTS } from "../content/sizes.ts";
import { Fault, messageOf } from "../fault.ts";
import type { HashCache } from "../store/hash_cache.ts";
import type { LocalFile } from "./reuse.ts";

const log = getLogger(["shoal", "peer", "reuse"]);

/** Pages of digests that are looked through for files that nobody named: 64 GiB of content. */
const CACHED_PAGES = 512;

/**
 * Files here that a download may have chunks in common with: what it replaces, what the user named, and
 * what is known of from before, the newest first. The first two are hashed if need be. Throws a `usage`
 * or `disk` Fault for a named one that can't be read, and the signal's reason.
 */
export async function localFiles(
  { size, old, named = [] }: {
    /** Of what is wanted. */
    size: number;
    /** What is to be replaced; it need not be there. */
    old?: string;
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
  if (old !== undefined) {
    try {
      const { id, stamp } = await cache.identify(old, { signal, what: "reuse" });
      add(old, id, stamp.size);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Fault)) throw error;
      log.debug("{why}", { why: messageOf(error) });
    }
  }
  let pages = 0;
  for (const { path, id, size } of cache.files(CACHED_PAGES)) {
    pages += Math.ceil(size / CHUNK_SIZE / PAGE_DIGESTS);
    if (pages > CACHED_PAGES) break;
    add(path, id, size);
  }
  return [...files.values()];
}
