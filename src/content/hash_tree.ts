/**
 * The hash tree of a file. Level 0 is the list of its chunks' digests. While a level is longer than
 * one block of {@link BLOCK_DIGESTS} digests, it is cut into blocks, and their digests are the next
 * level. So there is always exactly one top block, and the file id covers it (file_id.ts).
 *
 * An empty file has no chunks and one empty block.
 */
import { BLOCK_DIGESTS, CHUNK_SIZE, DIGEST_SIZE } from "./sizes.ts";
import { digest } from "./digest.ts";

/** The number of digests and blocks of a level. */
interface TreeLevel {
  digests: number;
  blocks: number;
}

/** The shape of a file's hash tree, which follows from the file's size. */
export interface TreeShape {
  size: number;
  chunks: number;
  /** From level 0, the chunks' digests, up to the level that is one block. */
  levels: readonly [TreeLevel, ...TreeLevel[]];
}

/** The shape of the tree of a file of `size` bytes, 0 to 2^53 - 1. */
export function treeShape(size: number): TreeShape {
  const chunks = Math.ceil(size / CHUNK_SIZE);
  const levels: [TreeLevel, ...TreeLevel[]] = [levelOf(chunks)];
  for (let last = levels[0]; last.blocks > 1; levels.push(last)) last = levelOf(last.blocks);
  return { size, chunks, levels };
}

function levelOf(digests: number): TreeLevel {
  return { digests, blocks: Math.max(1, Math.ceil(digests / BLOCK_DIGESTS)) };
}

/** Bytes in a block, or -1 when the tree has no such block. */
export function blockLength(shape: TreeShape, level: number, block: number): number {
  const { digests, blocks } = shape.levels[level] ?? { digests: 0, blocks: 0 };
  if (block >= blocks) return -1;
  return Math.min(BLOCK_DIGESTS, digests - block * BLOCK_DIGESTS) * DIGEST_SIZE;
}

/** Bytes in a run of chunks that lies within the file, or -1 when it does not. */
export function pieceLength(shape: TreeShape, first: number, count: number): number {
  if (count < 1 || first + count > shape.chunks) return -1;
  return Math.min(count * CHUNK_SIZE, shape.size - first * CHUNK_SIZE);
}

/** Receives a block of the tree when it is complete. */
type BlockSink = (level: number, block: number, bytes: Uint8Array<ArrayBuffer>) => void;

/** Builds a tree from chunk digests in order, holding one block of each level. */
export class TreeBuilder {
  readonly #sink: BlockSink;
  readonly #levels: { block: Uint8Array<ArrayBuffer>; digests: number; emitted: number }[] = [];

  /** `sink` is given each block once; it may keep the bytes. */
  constructor(sink: BlockSink) {
    this.#sink = sink;
  }

  /** Adds the digests of the next chunks, {@link DIGEST_SIZE} bytes each. */
  async add(digests: Uint8Array): Promise<void> {
    for (let at = 0; at < digests.length; at += DIGEST_SIZE) {
      await this.#push(0, digests.subarray(at, at + DIGEST_SIZE));
    }
  }

  /** Emits what is left, and returns the top block. The builder can't be used after. */
  async finish(): Promise<Uint8Array<ArrayBuffer>> {
    for (let level = 0;; level++) {
      const { block, digests, emitted } = this.#level(level);
      const bytes = block.slice(0, digests * DIGEST_SIZE);
      this.#sink(level, emitted, bytes);
      if (emitted === 0) return bytes;
      await this.#push(level + 1, await digest(bytes));
    }
  }

  /** A full block is emitted only when a digest follows it: until then it may be the top. */
  async #push(at: number, bytes: Uint8Array): Promise<void> {
    const level = this.#level(at);
    if (level.digests === BLOCK_DIGESTS) {
      const full = level.block;
      this.#sink(at, level.emitted++, full);
      level.block = new Uint8Array(CHUNK_SIZE);
      level.digests = 0;
      await this.#push(at + 1, await digest(full));
    }
    level.block.set(bytes, level.digests++ * DIGEST_SIZE);
  }

  #level(at: number) {
    return this.#levels[at] ??= { block: new Uint8Array(CHUNK_SIZE), digests: 0, emitted: 0 };
  }
}
