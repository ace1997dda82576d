import { digest, sameBytes } from "../../content/digest.ts";
import { fileId } from "../../content/file_id.ts";
import { blockLength, type TreeShape } from "../../content/hash_tree.ts";
import { Fault } from "../../fault.ts";
import type { DigestStore } from "../../store/hash/digest_store.ts";
import { BLOCK_DIGESTS, DIGEST_SIZE } from "../../wire/protocol.ts";
import type { ChunkRange } from "./source.ts";
import type { Source } from "./source.ts";
import { within } from "../../async/deadline.ts";
import { LruMap } from "../../async/lru_map.ts";

/** Blocks kept in memory; one covers 128 MiB of a file. */
const RECENT_BLOCKS = 8;
/** The time for which to wait for the block that another source was asked for, in milliseconds. */
const PATIENCE_MS = 1_000;

/**
 * The hash tree of a file that is being fetched. A block is verified against the block above it, the
 * top block against the file id, before anything below it is looked at; then it is kept, for the
 * verification of chunks and for serving it to others.
 */
export class VerifiedBlocks {
  readonly #id: string;
  readonly #shape: TreeShape;
  readonly #store: DigestStore;
  readonly #recent = new LruMap<string, Uint8Array>(RECENT_BLOCKS);
  readonly #underWay = new Map<string, Promise<Uint8Array>>();

  readonly #onBlock: ((block: number, digests: Uint8Array) => void) | undefined;

  /** `onBlock` is told of each block of chunk digests when it is first at hand. */
  constructor(
    id: string,
    shape: TreeShape,
    store: DigestStore,
    onBlock?: (block: number, digests: Uint8Array) => void,
  ) {
    this.#id = id;
    this.#shape = shape;
    this.#store = store;
    this.#onBlock = onBlock;
  }

  /** The digests of some chunks, which must lie within one block of level 0. */
  async digestsOf({ first, count }: ChunkRange, source: Source): Promise<Uint8Array> {
    const block = await this.block(0, Math.floor(first / BLOCK_DIGESTS), source);
    const at = (first % BLOCK_DIGESTS) * DIGEST_SIZE;
    return block.subarray(at, at + count * DIGEST_SIZE);
  }

  /** Those digests, where their block is at hand. */
  known({ first, count }: ChunkRange): Uint8Array | undefined {
    const block = this.#recent.get(`0:${Math.floor(first / BLOCK_DIGESTS)}`);
    const at = (first % BLOCK_DIGESTS) * DIGEST_SIZE;
    return block?.subarray(at, at + count * DIGEST_SIZE);
  }

  /** A block, where it is known. */
  stored(level: number, block: number): Uint8Array | undefined {
    const key = `${level}:${block}`;
    const known = this.#recent.get(key) ?? this.#store.block(this.#id, level, block);
    return known && this.#keep(key, known);
  }

  /** Asks for the block of some digests, unless it is known or under way. The caller that needs it gets the failure. */
  prefetch(range: ChunkRange, source: Source): void {
    const block = Math.floor(range.first / BLOCK_DIGESTS);
    if (this.#recent.has(`0:${block}`) || this.#underWay.has(`0:${block}`)) return;
    this.block(0, block, source).catch(() => {});
  }

  /**
   * A block, from `source` unless it is known. Throws an `integrity` Fault when the source's block is
   * not the one that the block above it names, and whatever the source throws.
   */
  async block(level: number, block: number, source: Source): Promise<Uint8Array> {
    const key = `${level}:${block}`;
    for (;;) {
      const known = this.#recent.get(key) ?? this.#store.block(this.#id, level, block);
      if (known) return this.#keep(key, known);
      const other = this.#underWay.get(key);
      if (!other) break;
      // Another source is being asked; should that fail, or take long, it's this one's turn.
      if (!await endsWithin(other, PATIENCE_MS)) break;
    }
    const fetching = this.#fetch(level, block, source);
    this.#underWay.set(key, fetching);
    try {
      return this.#keep(key, await fetching);
    } finally {
      if (this.#underWay.get(key) === fetching) this.#underWay.delete(key);
    }
  }

  async #fetch(level: number, block: number, source: Source): Promise<Uint8Array> {
    const top = level === this.#shape.levels.length - 1;
    const parent = top ? undefined : await this.block(
      level + 1,
      Math.floor(block / BLOCK_DIGESTS),
      source,
    );
    const bytes = await source.digests(level, block);
    const at = (block % BLOCK_DIGESTS) * DIGEST_SIZE;
    const right = bytes.length === blockLength(this.#shape, level, block) &&
      (parent
        ? sameBytes(await digest(bytes), parent.subarray(at, at + DIGEST_SIZE))
        : await fileId(this.#shape.size, bytes) === this.#id);
    if (!right) {
      throw new Fault("integrity", `${source.receipt.address} sent a wrong block of digests`);
    }
    this.#store.put(this.#id, level, block, bytes);
    return bytes;
  }

  #keep(key: string, bytes: Uint8Array): Uint8Array {
    const isNew = !this.#recent.has(key);
    this.#recent.set(key, bytes);
    if (isNew && key.startsWith("0:")) this.#onBlock?.(Number(key.slice(2)), bytes);
    return bytes;
  }
}

/** True when the work ends in time, well or not. */
async function endsWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  return await within(work.then(() => true, () => true), ms) ?? false;
}
