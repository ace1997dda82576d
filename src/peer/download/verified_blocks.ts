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

/** Pages kept in memory; one covers 128 MiB of a file. */
const RECENT_PAGES = 8;
/** The time for which to wait for the page that another source was asked for, in milliseconds. */
const PATIENCE_MS = 1_000;

/**
 * The hash tree of a file that is being fetched. A page is verified against the page above it, the
 * top page against the file id, before anything below it is looked at; then it is kept, for the
 * verification of chunks and for serving it to others.
 */
export class VerifiedBlocks {
  readonly #id: string;
  readonly #shape: TreeShape;
  readonly #store: DigestStore;
  readonly #recent = new LruMap<string, Uint8Array>(RECENT_PAGES);
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

  /** The digests of some chunks, which must lie within one page of level 0. */
  async digestsOf({ first, count }: ChunkRange, source: Source): Promise<Uint8Array> {
    const page = await this.page(0, Math.floor(first / BLOCK_DIGESTS), source);
    const at = (first % BLOCK_DIGESTS) * DIGEST_SIZE;
    return page.subarray(at, at + count * DIGEST_SIZE);
  }

  /** Those digests, where their page is at hand. */
  known({ first, count }: ChunkRange): Uint8Array | undefined {
    const page = this.#recent.get(`0:${Math.floor(first / BLOCK_DIGESTS)}`);
    const at = (first % BLOCK_DIGESTS) * DIGEST_SIZE;
    return page?.subarray(at, at + count * DIGEST_SIZE);
  }

  /** A page, where it is known. */
  stored(level: number, page: number): Uint8Array | undefined {
    const key = `${level}:${page}`;
    const known = this.#recent.get(key) ?? this.#store.page(this.#id, level, page);
    return known && this.#keep(key, known);
  }

  /** Asks for the page of some digests, unless it is known or under way. The caller that needs it gets the failure. */
  prefetch(range: ChunkRange, source: Source): void {
    const page = Math.floor(range.first / BLOCK_DIGESTS);
    if (this.#recent.has(`0:${page}`) || this.#underWay.has(`0:${page}`)) return;
    this.page(0, page, source).catch(() => {});
  }

  /**
   * A page, from `source` unless it is known. Throws an `integrity` Fault when the source's page is
   * not the one that the page above it names, and whatever the source throws.
   */
  async page(level: number, page: number, source: Source): Promise<Uint8Array> {
    const key = `${level}:${page}`;
    for (;;) {
      const known = this.#recent.get(key) ?? this.#store.page(this.#id, level, page);
      if (known) return this.#keep(key, known);
      const other = this.#underWay.get(key);
      if (!other) break;
      // Another source is being asked; should that fail, or take long, it's this one's turn.
      if (!await endsWithin(other, PATIENCE_MS)) break;
    }
    const fetching = this.#fetch(level, page, source);
    this.#underWay.set(key, fetching);
    try {
      return this.#keep(key, await fetching);
    } finally {
      if (this.#underWay.get(key) === fetching) this.#underWay.delete(key);
    }
  }

  async #fetch(level: number, page: number, source: Source): Promise<Uint8Array> {
    const top = level === this.#shape.levels.length - 1;
    const parent = top ? undefined : await this.page(
      level + 1,
      Math.floor(page / BLOCK_DIGESTS),
      source,
    );
    const bytes = await source.digests(level, page);
    const at = (page % BLOCK_DIGESTS) * DIGEST_SIZE;
    const right = bytes.length === blockLength(this.#shape, level, page) &&
      (parent
        ? sameBytes(await digest(bytes), parent.subarray(at, at + DIGEST_SIZE))
        : await fileId(this.#shape.size, bytes) === this.#id);
    if (!right) {
      throw new Fault("integrity", `${source.receipt.address} sent a wrong page of digests`);
    }
    this.#store.put(this.#id, level, page, bytes);
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
