import { pieceCount, PieceMap } from "../../src/content/piece_map.ts";
import { Fault } from "../../src/fault.ts";
import type { SourceReceipt } from "../../src/peer/api/peer_api.ts";
import type { ChunkRange, ChunkRequest, Source } from "../../src/peer/download/source.ts";
import { Refusal } from "../../src/wire/caller.ts";
import { type Bytes, concat, patterned } from "./bytes.ts";
import {
  referenceDigests,
  referenceId,
  type ReferenceTree,
  referenceTree,
} from "./reference_tree.ts";

const CHUNK = 65_536;

/** A file in memory, with all that can be known of it. */
export class MemoryFile {
  readonly content: Bytes;
  readonly size: number;
  readonly tree: ReferenceTree;
  readonly id: string;

  constructor(content: Bytes) {
    this.content = content;
    this.size = content.length;
    this.tree = referenceTree(referenceDigests(content));
    this.id = referenceId(this.size, this.tree.top);
  }

  get pieces(): number {
    return pieceCount(this.size);
  }

  chunks({ first, count }: ChunkRange): Bytes {
    return this.content.slice(first * CHUNK, (first + count) * CHUNK);
  }
}

/** A file of two blocks of digests and one above them. Made once: it is large. */
let tall: MemoryFile | undefined;
export function tallFile(): MemoryFile {
  return tall ??= new MemoryFile(patterned(2_048 * CHUNK + 1));
}

/** Replaces a source's right behaviour, which each function receives. */
export interface Conduct {
  connect?: () => Promise<void> | void;
  /** The pieces that it has. Default all. */
  have?: () => Promise<PieceMap> | PieceMap;
  digests?: (right: Bytes, level: number, page: number) => Promise<Bytes> | Bytes;
  chunks?: (right: Bytes, request: ChunkRequest, signal: AbortSignal) => Promise<Bytes> | Bytes;
}

/** A source in this process: no sockets, but the same duties. */
export class MemorySource implements Source {
  readonly receipt: SourceReceipt;
  arrived = 0;
  /** Chunks and blocks that it was asked for, and chunks that were not wanted any more. */
  readonly asked: ChunkRange[] = [];
  readonly cancelled: ChunkRange[] = [];
  readonly blocks: string[] = [];
  connects = 0;
  open = false;
  rttMs = 0;
  /** Bytes that it is being asked for, and the most that ever were. */
  inFlight = 0;
  mostInFlight = 0;
  readonly #file: MemoryFile;
  readonly #conduct: Conduct;
  #map: PieceMap;
  #onPiece: (piece: number) => void = () => {};
  #closed = Promise.withResolvers<never>();
  #ended = Promise.withResolvers<unknown>();

  constructor(address: string, file: MemoryFile, conduct: Conduct = {}) {
    this.receipt = { address, bytes: 0, retries: 0, bad_chunks: 0 };
    this.#file = file;
    this.#conduct = conduct;
    this.#map = PieceMap.full(file.pieces);
    this.#closed.promise.catch(() => {});
  }

  get ended(): Promise<unknown> {
    return this.#ended.promise;
  }

  async connect(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.connects++;
    this.#ended = Promise.withResolvers();
    this.#closed = Promise.withResolvers();
    this.#closed.promise.catch(() => {});
    const abort = () => this.close();
    signal.addEventListener("abort", abort);
    try {
      await Promise.race([this.#conduct.connect?.(), this.#closed.promise]);
      this.open = true;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  async have(onPiece: (piece: number) => void): Promise<PieceMap> {
    this.#onPiece = onPiece;
    return this.#map = await this.#whileOpen(this.#conduct.have?.() ?? this.#map);
  }

  /** It has one more piece. */
  gain(piece: number): void {
    if (this.#map.add(piece)) this.#onPiece(piece);
  }

  async digests(level: number, page: number): Promise<Bytes> {
    this.blocks.push(`${level}:${page}`);
    const right = concat([this.#file.tree.levels[level][page]]);
    return await this.#whileOpen(this.#conduct.digests?.(right, level, page) ?? right);
  }

  async chunks(request: ChunkRequest, into: Bytes, signal: AbortSignal): Promise<Bytes> {
    const range = { first: request.first, count: request.count };
    const right = this.#file.chunks(range);
    if (into.length !== right.length) throw new Error(`room for ${into.length} bytes`);
    this.asked.push(range);
    this.inFlight += right.length;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    const cancelled = Promise.withResolvers<never>();
    const cancel = () => {
      if (!this.open) return;
      this.cancelled.push(range);
      cancelled.reject(new Refusal(this.receipt.address, { code: "cancelled", message: "" }));
    };
    signal.addEventListener("abort", cancel);
    try {
      const answer = this.#conduct.chunks?.(right, request, signal) ?? right;
      const bytes = await Promise.race([this.#whileOpen(answer), cancelled.promise]);
      this.arrived += bytes.length;
      into.set(bytes.subarray(0, into.length));
      return bytes.length <= into.length ? into.subarray(0, bytes.length) : bytes;
    } finally {
      signal.removeEventListener("abort", cancel);
      this.inFlight -= right.length;
    }
  }

  peers(): Promise<[]> {
    return Promise.resolve([]);
  }

  close(reason = new Fault("network", `${this.receipt.address} closed the connection`)): void {
    this.open = false;
    this.#closed.reject(reason);
    this.#ended.resolve(reason);
  }

  async #whileOpen<T>(answer: Promise<T> | T): Promise<T> {
    return await Promise.race([answer, this.#closed.promise]);
  }
}
