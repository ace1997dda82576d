/**
 * Takes from files on this machine what a download needs. The wanted file's blocks of digests are
 * fetched; where a file here has the same chunk, at the same place or elsewhere, it is copied: read,
 * hashed and compared once more, so a file may change or vanish at any time.
 *
 * A window of blocks is looked at as a whole, so memory is bounded whatever the size of any file; what it
 * lacks is fetched while the next one is looked at.
 */
import { sameBytes } from "../../content/digest.ts";
import type { TreeShape } from "../../content/hash_tree.ts";
import { BLOCK_DIGESTS, CHUNK_SIZE, DIGEST_SIZE } from "../../content/sizes.ts";
import type { DigestStore } from "../../store/hash/digest_store.ts";
import type { ChunkRange } from "./source.ts";
import { Pool } from "../../async/pool.ts";

/** Blocks of digests that are looked at together: 8 GiB of the wanted file. */
const WINDOW_BLOCKS = 64;
/** Chunks that are copied together: 1 MiB. */
const COPY_CHUNKS = 16;
/** Copies under way, so that the disk never waits for the next one. */
const COPIES = 8;

/** A file here whose digests are known. */
export interface LocalFile {
  path: string;
  id: string;
  size: number;
}

/** The side of a download that takes what is on this machine. */
export interface ReuseHost {
  readonly shape: TreeShape;
  /** A verified block of the wanted file's digests, of level 0. */
  block(block: number): Promise<Uint8Array>;
  /** True while a chunk is missing. */
  needs(chunk: number): boolean;
  /** These chunks are verified and written. */
  adopt(range: ChunkRange): void;
  /** Says that everything missing before this block is to be fetched. */
  lookedAt(block: number): void;
  /** Throws when the download has ended. */
  throwIfEnded(): void;
}

export interface ReuseOptions {
  files: LocalFile[];
  digests: DigestStore;
  /**
   * Copies chunks to their place, from `from` bytes into a file; returns the numbers, from 0, of those
   * that were not right and so not written.
   */
  copy: (
    range: ChunkRange,
    expected: Uint8Array,
    from: { path: string; position: number },
  ) => Promise<number[]>;
}

export async function reuseLocal(host: ReuseHost, options: ReuseOptions): Promise<void> {
  const { blocks } = host.shape.levels[0];
  const copies = new Copies(host, options.copy);
  for (let first = 0; first < blocks; first += WINDOW_BLOCKS) {
    const end = Math.min(blocks, first + WINDOW_BLOCKS);
    for (let block = first; block < end; block++) {
      const expected = await host.block(block);
      if (block + 1 < blocks) host.block(block + 1).catch(() => {});
      for (const file of options.files) {
        await inPlace(block, expected, file, { host, options, copies });
      }
    }
    await copies.settled();
    await elsewhere(first, end, { host, options, copies });
    host.lookedAt(end);
  }
}

interface Work {
  host: ReuseHost;
  options: ReuseOptions;
  copies: Copies;
}

/** Copies what a file has at the same place. */
async function inPlace(block: number, expected: Uint8Array, file: LocalFile, work: Work) {
  const { host, options, copies } = work;
  const known = options.digests.block(file.id, 0, block);
  if (!known) return;
  const base = block * BLOCK_DIGESTS;
  const same = (index: number) =>
    host.needs(base + index) && sameBytes(digestAt(expected, index), digestAt(known, index));
  const count = Math.min(expected.length, known.length) / DIGEST_SIZE;
  for (let index = 0; index < count;) {
    const begin = index;
    const most = Math.min(count, begin + COPY_CHUNKS);
    while (index < most && same(index)) index++;
    if (index === begin) {
      index++;
      continue;
    }
    const range = { first: base + begin, count: index - begin };
    const digests = expected.subarray(begin * DIGEST_SIZE, index * DIGEST_SIZE);
    await copies.add(range, digests, { path: file.path, position: range.first * CHUNK_SIZE });
  }
}

/** Copies what is still missing of some blocks from wherever a file has it. */
async function elsewhere(first: number, end: number, work: Work): Promise<void> {
  const { host, options, copies } = work;
  const missing = await missingIn(first, end, host);
  for (const { path, id, size } of options.files) {
    const blocks = Math.ceil(size / CHUNK_SIZE / BLOCK_DIGESTS);
    for (let block = 0; block < blocks && missing.size > 0; block++) {
      host.throwIfEnded();
      const known = options.digests.block(id, 0, block) ?? new Uint8Array();
      for (let index = 0; index * DIGEST_SIZE < known.length; index++) {
        const found = digestAt(known, index);
        const chunks = missing.get(keyOf(found));
        if (!chunks) continue;
        const position = (block * BLOCK_DIGESTS + index) * CHUNK_SIZE;
        for (const chunk of chunks) {
          const expected = digestAt(await host.block(Math.floor(chunk / BLOCK_DIGESTS)), chunk);
          if (!host.needs(chunk) || !sameBytes(expected, found)) continue;
          await copies.add({ first: chunk, count: 1 }, expected, { path, position });
        }
        missing.delete(keyOf(found));
      }
      // The loop has no pause of its own, and others want to be served.
      await copies.settled();
    }
  }
}

/** The chunks that are missing of some blocks, by the beginning of their digests. */
async function missingIn(first: number, end: number, host: ReuseHost) {
  const missing = new Map<number, number[]>();
  for (let block = first; block < end; block++) {
    const expected = await host.block(block);
    for (let index = 0; index * DIGEST_SIZE < expected.length; index++) {
      const chunk = block * BLOCK_DIGESTS + index;
      if (!host.needs(chunk)) continue;
      const key = keyOf(digestAt(expected, index));
      const same = missing.get(key);
      if (same) same.push(chunk);
      else missing.set(key, [chunk]);
    }
  }
  return missing;
}

/** A few copies at a time. */
class Copies {
  readonly #host: ReuseHost;
  readonly #copy: ReuseOptions["copy"];
  readonly #pool = new Pool(COPIES);

  constructor(host: ReuseHost, copy: ReuseOptions["copy"]) {
    this.#host = host;
    this.#copy = copy;
  }

  /** Begins a copy when fewer than {@link COPIES} are under way. Throws what an earlier one failed with. */
  async add(...args: Parameters<ReuseOptions["copy"]>): Promise<void> {
    await this.#pool.add(() => {
      this.#host.throwIfEnded();
      return this.#run(...args);
    });
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await this.#pool.settled();
    this.#host.throwIfEnded();
  }

  async #run(...[range, expected, from]: Parameters<ReuseOptions["copy"]>): Promise<void> {
    const bad = new Set(await this.#copy(range, expected, from));
    for (let index = 0; index < range.count;) {
      const begin = index;
      while (index < range.count && !bad.has(index)) index++;
      if (index > begin) this.#host.adopt({ first: range.first + begin, count: index - begin });
      else index++;
    }
  }
}

/** The digest of a chunk in its block. */
function digestAt(block: Uint8Array, chunk: number): Uint8Array {
  const at = (chunk % BLOCK_DIGESTS) * DIGEST_SIZE;
  return block.subarray(at, at + DIGEST_SIZE);
}

/** The first 48 bits of a digest: a key that costs no memory of its own. */
function keyOf(digest: Uint8Array): number {
  const view = new DataView(digest.buffer, digest.byteOffset, 6);
  return view.getUint32(0) * 0x10000 + view.getUint16(4);
}
