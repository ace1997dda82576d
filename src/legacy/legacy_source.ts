import * as v from "valibot";
import type { RateLimiter } from "../async/rate_limiter.ts";
import { fileId } from "../content/file_id.ts";
import { TreeBuilder } from "../content/hash_tree.ts";
import { fromHex } from "../content/hex.ts";
import { pieceCount, PieceMap } from "../content/piece_map.ts";
import { Fault } from "../fault.ts";
import { type Address, formatAddress, LineTooLong } from "../wire/connection.ts";
import { Mutex } from "../async/mutex.ts";
import { CHUNK_SIZE } from "../wire/protocol.ts";
import {
  askLegacy,
  LEGACY_LINE_CAP,
  LegacyChunkData,
  LegacyError,
  LegacyFileInfo,
} from "./legacy_dialect.ts";

const FileReply = v.variant("action", [LegacyFileInfo, LegacyError]);
const ChunkReply = v.variant("action", [LegacyChunkData, LegacyError]);

/** Time for one exchange, in milliseconds: a legacy peer hashes the file before it answers. */
const EXCHANGE_MS = 20_000;
/** Most bytes of a reply that any number of peers may send at a time: the digests of a file of 240 MiB. */
const SHORT_REPLY = 1 << 18;
/** Most bytes of a chunk's line: base64, and a name that JSON may write sixfold. */
const CHUNK_LINE = 1 << 17;
/** Longer replies come one at a time, since each is held whole. */
const longReplies = new Mutex();

/**
 * The store for the digests of a legacy file until its id is known (store/hash/digest_store.ts).
 */
export interface DigestDrafts {
  draft(): {
    put: (level: number, block: number, bytes: Uint8Array) => void;
    settle: (file: string) => void;
    discard: () => void;
  };
}

/** A source that speaks the legacy dialect: by name, one chunk and one connection at a time. */
export class LegacySource {
  readonly receipt: { address: string; bytes: number; retries: number; bad_chunks: number };
  arrived = 0;
  readonly rttMs = 0;
  readonly ended = new Promise<never>(() => {});
  readonly #address: Address;
  readonly #name: string;
  #signal: AbortSignal | undefined;
  #limits: RateLimiter[] = [];
  #size = 0;

  constructor(address: Address, name: string) {
    this.#address = address;
    this.#name = name;
    this.receipt = { address: formatAddress(address), bytes: 0, retries: 0, bad_chunks: 0 };
  }

  /**
   * Describes what the peer has under this name; undefined for nothing. The dialect tells neither
   * size nor id: the size follows from the last chunk, the id from the digests, which are kept in
   * `store`.
   */
  async describe(
    store: DigestDrafts,
    signal?: AbortSignal,
  ): Promise<{ id: string; size: number } | undefined> {
    const info = await this.#info(SHORT_REPLY, signal).catch((error) => {
      if (!(error instanceof LineTooLong)) throw error;
      return longReplies.run(() => this.#info(LEGACY_LINE_CAP, signal));
    });
    if (info.action === "error") return;
    const { num_chunks: chunks, chunk_hashes: hashes } = info;
    this.#signal = signal;
    const last = chunks > 0 ? (await this.#chunk(chunks - 1)).length : 0;
    const size = Math.max(0, chunks - 1) * CHUNK_SIZE + last;
    this.#size = size;
    const draft = store.draft();
    try {
      const tree = new TreeBuilder(draft.put);
      for (const hash of hashes) await tree.add(fromHex(hash));
      const id = await fileId(size, await tree.finish());
      draft.settle(id);
      return { id, size };
    } catch (error) {
      draft.discard();
      throw error;
    }
  }

  #info(lineCap: number, signal?: AbortSignal) {
    const request = { action: "file_request", filename: this.#name };
    const options = { ms: EXCHANGE_MS, lineCap, signal };
    return askLegacy(this.#address, request, FileReply, options);
  }

  connect(signal: AbortSignal, { limits = [] }: { limits?: RateLimiter[] } = {}): Promise<void> {
    this.#signal = signal;
    this.#limits = limits;
    return Promise.resolve();
  }

  have(): Promise<PieceMap> {
    return Promise.resolve(PieceMap.full(pieceCount(this.#size)));
  }

  peers(): Promise<[]> {
    return Promise.resolve([]);
  }

  digests(): Promise<Uint8Array<ArrayBuffer>> {
    // describe() made all blocks; one is missing only if the store lost it.
    return Promise.reject(new Fault("network", `${this.receipt.address} has no digest blocks`));
  }

  async chunks(
    { first, count }: { first: number; count: number },
    into: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array<ArrayBuffer>> {
    let filled = 0;
    for (let index = first; index < first + count; index++) {
      const chunk = await this.#chunk(index);
      for (const limit of this.#limits) await limit.take(chunk.length, this.#signal);
      if (filled + chunk.length > into.length) {
        throw new Fault("integrity", `${this.receipt.address} sent a wrong chunk: it is too long`);
      }
      into.set(chunk, filled);
      filled += chunk.length;
      this.arrived += chunk.length;
    }
    return into.subarray(0, filled);
  }

  close(): void {}

  async #chunk(index: number): Promise<Uint8Array> {
    const request = { action: "get_chunk", filename: this.#name, chunk_index: index };
    const reply = await askLegacy(this.#address, request, ChunkReply, {
      ms: EXCHANGE_MS,
      lineCap: CHUNK_LINE,
      signal: this.#signal,
    });
    if (reply.action === "error") {
      throw new Fault("network", `${this.receipt.address} refused: ${reply.message}`);
    }
    const bytes = decode(reply.data);
    if (!bytes || bytes.length === 0 || bytes.length > CHUNK_SIZE) {
      throw new Fault("integrity", `${this.receipt.address} sent a wrong chunk`);
    }
    return bytes;
  }
}

function decode(base64: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(base64);
  } catch {
    return undefined;
  }
}
