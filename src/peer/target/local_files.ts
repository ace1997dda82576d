import { getLogger } from "@logtape/logtape";
import { BLOCK_DIGESTS, CHUNK_SIZE } from "../../content/sizes.ts";
import { Fault, messageOf } from "../../fault.ts";
import type { HashCache } from "../../store/hash/hash_cache.ts";
import type { ChunkCopier } from "../../store/hash/hash_file.ts";
import type { LocalFile } from "../download/reuse.ts";

const log = getLogger(["shoal", "peer", "reuse"]);

/** Digest blocks that are searched for files that the user did not name: 64 GiB of content. */
const CACHED_BLOCKS = 512;

/** The files to look for. */
interface WantedFiles {
  /** Of what is wanted: bytes. */
  size: number;
  /** Absolute paths. */
  named?: string[];
}

/**
 * Files here that a download may have chunks in common with: what the user named, hashed if need be, and
 * what is known of from before, the newest first. Throws a `usage` or `disk` Fault for a named one that
 * can't be read, and the signal's reason.
 */
export async function localFiles(
  { size, named = [] }: WantedFiles,
  { cache, signal }: { cache: HashCache; signal: AbortSignal },
): Promise<LocalFile[]> {
  const files: LocalFile[] = [];
  for (const path of named) {
    const { id, stamp } = await cache.identify(path, { signal, what: "reuse", follow: true });
    files.push({ path, id, size: stamp.size });
  }
  if (size <= CHUNK_SIZE) return once(files);
  return once([...files, ...cachedFiles(cache)]);
}

/**
 * Those of the same files, and of the one that is to be replaced, whose digests are known; nothing
 * is read.
 */
export function knownFiles(
  { size, old, named = [] }: WantedFiles & { old: string },
  { cache }: { cache: HashCache },
): LocalFile[] {
  const paths = size > CHUNK_SIZE ? [...named, old] : named;
  const files = paths.flatMap((path) => {
    const known = cache.known(path);
    return known ? [{ path, id: known.id, size: known.stamp.size }] : [];
  });
  return once(size > CHUNK_SIZE ? [...files, ...cachedFiles(cache)] : files);
}

function* cachedFiles(cache: HashCache): Generator<LocalFile> {
  let blocks = 0;
  for (const file of cache.files(CACHED_BLOCKS)) {
    blocks += Math.ceil(file.size / CHUNK_SIZE / BLOCK_DIGESTS);
    if (blocks > CACHED_BLOCKS) return;
    yield file;
  }
}

/** One file of each content. */
function once(files: LocalFile[]): LocalFile[] {
  const contents = new Map<string, LocalFile>();
  for (const file of files) {
    if (file.size > 0 && !contents.has(file.id)) contents.set(file.id, file);
  }
  return [...contents.values()];
}

/**
 * The file that is to be replaced; undefined when it can't be read. It is hashed if need be, and `copier`
 * has what it wants of it meanwhile. Throws the signal's reason.
 */
export async function replacedFile(
  path: string,
  { cache, signal, copier }: { cache: HashCache; signal: AbortSignal; copier: ChunkCopier },
): Promise<LocalFile | undefined> {
  try {
    const { id, stamp } = await cache.identify(path, { signal, what: "reuse", copier });
    return { path, id, size: stamp.size };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Fault)) throw error;
    log.debug("{why}", { why: messageOf(error) });
  }
}
