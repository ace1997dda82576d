import { pieceLength, treeShape } from "../../content/hash_tree.ts";
import { PIECE_CHUNKS, PieceMap } from "../../content/piece_map.ts";
import { Fault } from "../../fault.ts";
import type { DigestStore } from "../../store/hash/digest_store.ts";
import type { HashCache } from "../../store/hash/hash_cache.ts";
import type { Target } from "./target.ts";
import { knownFiles } from "./local_files.ts";
import { reuseLocal } from "../download/reuse.ts";
import { VerifiedBlocks } from "../download/verified_blocks.ts";

/** Sources that are asked for digests, one after the other. */
const SOURCES_ASKED = 3;

/**
 * Bytes that a download would copy from files here. Only files whose digests are known count:
 * nothing here is read. The wanted file's digests are fetched, 32 bytes for each chunk; without a
 * source for them, nothing is known to be here. `there` are the pieces that an earlier try has
 * left.
 */
export async function planReuse(
  target: Target,
  { there, signal, ...options }: {
    /** The file that would be replaced, and those that the user named. */
    old: string;
    named?: string[];
    there?: PieceMap;
    cache: HashCache;
    digests: DigestStore;
    signal: AbortSignal;
  },
): Promise<number> {
  const { id, size } = target;
  const files = knownFiles({ size, ...options }, options);
  if (files.length === 0) return 0;
  const shape = treeShape(size);
  const blocks = new VerifiedBlocks(id, shape, options.digests);
  for (const source of target.sources.slice(0, SOURCES_ASKED)) {
    const found = new PieceMap(shape.chunks);
    let bytes = 0;
    try {
      await source.connect(signal);
      await reuseLocal({
        shape,
        block: (block) => blocks.block(0, block, source),
        needs: (chunk) => !found.has(chunk) && !there?.has(Math.floor(chunk / PIECE_CHUNKS)),
        adopt: ({ first, count }) => {
          for (let chunk = first; chunk < first + count; chunk++) found.add(chunk);
          bytes += pieceLength(shape, first, count);
        },
        lookedAt: () => {},
        throwIfEnded: () => signal.throwIfAborted(),
      }, { files, digests: options.digests, copy: () => Promise.resolve([]) });
      return bytes;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Fault)) throw error;
    } finally {
      source.close();
    }
  }
  return 0;
}
