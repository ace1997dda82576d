/**
 * The hash tree of a file. Level 0 is the list of its chunks' digests. While a level is longer than
 * one page of {@link BLOCK_DIGESTS} digests, it is cut into pages, and their digests are the next
 * level. So there is always exactly one top page, and the file id covers it (file_id.ts).
 *
 * An empty file has no chunks and one empty page.
 */
import { BLOCK_DIGESTS, CHUNK_SIZE, DIGEST_SIZE } from "./sizes.ts";
import { digest } from "./digest.ts";

/** The number of digests and blocks of a level. */
interface TreeLevel {
  digests: number;
  pages: number;
}

/** The shape of a file's hash tree, which follows from the file's size. */
export interface TreeShape {
  size: number;
  chunks: number;
  /** From level 0, the chunks' digests, up to the level that is one page. */
  levels: readonly [TreeLevel, ...TreeLevel[]];
}

/** The shape of the tree of a file of `size` bytes, 0 to 2^53 - 1. */
export function treeShape(size: number): TreeShape {
  const chunks = Math.ceil(size / CHUNK_SIZE);
  const levels: [TreeLevel, ...TreeLevel[]] = [levelOf(chunks)];
  for (let last = levels[0]; last.pages > 1; levels.push(last)) last = levelOf(last.pages);
  return { size, chunks, levels };
}

function levelOf(digests: number): TreeLevel {
  return { digests, pages: Math.max(1, Math.ceil(digests / BLOCK_DIGESTS)) };
}

/** Bytes in a page, or -1 when the tree has no such page. */
export function blockLength(shape: TreeShape, level: number, page: number): number {
  const { digests, pages } = shape.levels[level] ?? { digests: 0, pages: 0 };
  if (page >= pages) return -1;
  return Math.min(BLOCK_DIGESTS, digests - page * BLOCK_DIGESTS) * DIGEST_SIZE;
}

/** Bytes in a run of chunks that lies within the file, or -1 when it does not. */
export function pieceLength(shape: TreeShape, first: number, count: number): number {
  if (count < 1 || first + count > shape.chunks) return -1;
  return Math.min(count * CHUNK_SIZE, shape.size - first * CHUNK_SIZE);
}

/** Receives a block of the tree when it is complete. */
type PageSink = (level: number, page: number, bytes: Uint8Array<ArrayBuffer>) => void;

/** Builds a tree from chunk digests in order, holding one page of each level. */
export class TreeBuilder {
  readonly #sink: PageSink;
  readonly #levels: { page: Uint8Array<ArrayBuffer>; digests: number; emitted: number }[] = [];

  /** `sink` is given each page once; it may keep the bytes. */
  constructor(sink: PageSink) {
    this.#sink = sink;
  }

  /** Adds the digests of the next chunks, {@link DIGEST_SIZE} bytes each. */
  async add(digests: Uint8Array): Promise<void> {
    for (let at = 0; at < digests.length; at += DIGEST_SIZE) {
      await this.#push(0, digests.subarray(at, at + DIGEST_SIZE));
    }
  }

  /** Emits what is left, and returns the top page. The builder can't be used after. */
  async finish(): Promise<Uint8Array<ArrayBuffer>> {
    for (let level = 0;; level++) {
      const { page, digests, emitted } = this.#level(level);
      const bytes = page.slice(0, digests * DIGEST_SIZE);
      this.#sink(level, emitted, bytes);
      if (emitted === 0) return bytes;
      await this.#push(level + 1, await digest(bytes));
    }
  }

  /** A full page is emitted only when a digest follows it: until then it may be the top. */
  async #push(at: number, bytes: Uint8Array): Promise<void> {
    const level = this.#level(at);
    if (level.digests === BLOCK_DIGESTS) {
      const full = level.page;
      this.#sink(at, level.emitted++, full);
      level.page = new Uint8Array(CHUNK_SIZE);
      level.digests = 0;
      await this.#push(at + 1, await digest(full));
    }
    level.page.set(bytes, level.digests++ * DIGEST_SIZE);
  }

  #level(at: number) {
    return this.#levels[at] ??= { page: new Uint8Array(CHUNK_SIZE), digests: 0, emitted: 0 };
  }
}
