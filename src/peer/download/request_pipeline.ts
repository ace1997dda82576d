import { pieceLength } from "../../content/hash_tree.ts";
import { PIECE_CHUNKS } from "../../content/piece_map.ts";
import { Fault } from "../../fault.ts";
import { Refusal } from "../../wire/caller.ts";
import { CHUNK_SIZE, REQUEST_CHUNKS } from "../../wire/protocol.ts";
import type { BudgetShare } from "./budget.ts";
import type { MissingChunks } from "./missing_chunks.ts";
import type { PiecePicker } from "./piece_picker.ts";
import { type ChunkRange, type ChunkRequest, isLie, type Source } from "./source.ts";
import type { VerifiedBlocks } from "./verified_blocks.ts";
import { Window } from "./window.ts";
import { Backoff } from "../../async/retry.ts";
import { Condition } from "../../async/condition.ts";

/** Requests that a window is divided into, at least. */
const REQUESTS = 8;
/** Bytes that came and wait to be stored while more is asked for, at most, besides the window. */
const BACKLOG_MOST = 4 << 20;
/** Pauses after a refusal, each as long as the one before it and again, in milliseconds. */
const REFUSED_MS = { first: 20, longest: 5_000 };
/** Made once, because the runtime's own reason is a new error with its stack each time. */
const TAKEN_BACK = new Fault("network", "the request was taken back");

/** The parts that all pipelines of a download share. */
export interface PipelineParts {
  /** Decides which piece comes next. */
  picker: PiecePicker<Source>;
  missing: MissingChunks;
  /** Asked for the digests of chunks ahead of them. */
  blocks: VerifiedBlocks;
  /** Bytes in flight. */
  budget: BudgetShare;
}

/** Chunks that a source brought, as yet unverified. One of its two methods must be called, once. */
export interface Reply {
  readonly range: ChunkRange;
  /** The chunks are its first `length` bytes. */
  readonly buffer: ArrayBuffer;
  readonly length: number;
  /** Ends the reply as stored, or not needed; `buffer` is memory for another. */
  stored: (buffer: ArrayBuffer) => void;
  /** Ends the reply as not stored, and with it the source. */
  failed: (error: unknown) => void;
}

/** Some pieces that the source is asked for together. */
interface Asked {
  /** Those that it is still to bring. */
  pieces: Set<number>;
  /** Requests for parts of them that are under way. */
  open: number;
  /** Those of them that are not replied to. */
  unanswered: number;
  /** Takes them back. */
  cancel: AbortController;
  /** Some part of it could not be had. */
  failed: boolean;
}

/**
 * Keeps a window of requests in flight to one source, for as long as its connection lives. To iterate
 * over it is to fetch: it gives replies as they come, in any order, until {@link stop}, and throws what
 * ended the source once nothing is under way any more.
 */
export class RequestPipeline implements AsyncIterable<Reply> {
  readonly #source: Source;
  readonly #parts: PipelineParts;
  readonly #window: Window;
  readonly #isFar: () => boolean;
  readonly #asked = new Map<number, Asked>();
  readonly #buffers: ArrayBuffer[] = [];
  readonly #replies: Reply[] = [];
  #queue: { asked: Asked; range: ChunkRequest }[] = [];
  /** Bytes that were asked for and have not come. */
  #inFlight = 0;
  /** Bytes that came and are not stored. */
  #backlog = 0;
  /** Requests whose chunks have not come, or are not stored. */
  #open = 0;
  /** Nothing is asked for before then, by performance.now(): the last request was refused. */
  #pausedUntil = 0;
  readonly #refusals = new Backoff(REFUSED_MS);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failure: unknown;
  #stopped = false;
  #paused = false;
  #finishing = false;
  /** Nothing is under way any more, so that what becomes of the connection is another's concern. */
  #finished = false;
  readonly #changed = new Condition();

  /** `isFar` is true while an answer takes so long that there should be more requests in flight, if smaller ones. */
  constructor(source: Source, parts: PipelineParts, isFar: () => boolean = () => false) {
    this.#isFar = isFar;
    this.#source = source;
    this.#parts = parts;
    this.#window = new Window(() => source.rttMs, { sources: () => parts.picker.sources });
  }

  /** The bytes per second that the source brings, lately. */
  get rate(): number {
    return this.#window.rate;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Reply> {
    const { picker, missing } = this.#parts;
    const stopListening = missing.map.onAdded((piece) => this.#drop(piece));
    this.#source.ended.then((reason) => this.fail(reason));
    for (;;) {
      const reply = this.#replies.shift();
      if (reply) yield reply;
      else if (!this.#over && this.#startNext()) continue;
      else if ((this.#over || this.#finishing) && this.#open === 0) break;
      else await Promise.race([this.#changed.wait(), picker.freed.wait()]);
    }
    this.#finished = true;
    clearTimeout(this.#timer);
    stopListening();
    for (const asked of new Set(this.#asked.values())) this.#release(asked, true);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Looks again for something to ask for: the source has more than before. */
  wake(): void {
    this.#changed.notifyAll();
  }

  /** Ends the source, for what it did. */
  fail(error: unknown): void {
    if (this.#finished) return;
    // A source that lies and closes at once has lied, whichever is noticed first.
    if (this.#failure === undefined || isLie(error)) this.#failure = error;
    this.#end();
  }

  /** Asks for nothing more for now, or again. */
  pause(paused: boolean): void {
    if (this.#paused === paused) return;
    this.#paused = paused;
    this.wake();
  }

  /** Asks for nothing more; ends once what is under way is there. */
  finish(): void {
    this.#finishing = true;
    this.#queue = [];
    this.wake();
  }

  /** Ends the work: nothing more is needed. */
  stop(): void {
    this.#stopped = true;
    this.#end();
  }

  get #over(): boolean {
    return this.#stopped || this.#failure !== undefined;
  }

  /** Takes back what waits for the budget; requests that were sent fail as the source is closed. */
  #end(): void {
    this.#source.close();
    for (const { cancel } of this.#asked.values()) cancel.abort(TAKEN_BACK);
    this.#queue = [];
    this.wake();
  }

  /** Lets go of a piece that is there now, from any source. */
  #drop(piece: number): void {
    const asked = this.#asked.get(piece);
    if (!asked) return;
    this.#asked.delete(piece);
    asked.pieces.delete(piece);
    if (asked.pieces.size > 0) return;
    this.#unqueue(asked);
    if (asked.unanswered > 0) asked.cancel.abort(TAKEN_BACK);
    this.wake();
  }

  #unqueue(asked: Asked): void {
    this.#queue = this.#queue.filter((entry) => entry.asked !== asked);
  }

  /** Sends the next request; false if there is none now, or the window has no room for it. */
  #startNext(): boolean {
    if (this.#paused || this.#finishing || performance.now() < this.#pausedUntil) return false;
    // Not before there is room: a piece that waits here could be had from another source.
    if (this.#queue.length === 0 && (this.#inFlight >= this.#room || !this.#takePieces())) {
      return false;
    }
    const [next] = this.#queue;
    if (!next) return true;
    const bytes = pieceLength(this.#parts.missing.shape, next.range.first, next.range.count);
    if (this.#inFlight > 0 && this.#inFlight + bytes > this.#room) return false;
    this.#queue.shift();
    void this.#fetch(next.asked, next.range, bytes);
    return true;
  }

  /** Queues requests for the next pieces; false when there are none now. */
  #takePieces(): boolean {
    const { picker, missing, blocks } = this.#parts;
    const pieces = picker.take(this.#source, Math.ceil(this.#chunksAtOnce / PIECE_CHUNKS));
    if (!pieces) return false;
    // Asked for ahead of the chunks, so that these needn't wait for it when they are here.
    blocks.prefetch({ first: pieces.first * PIECE_CHUNKS, count: 1 }, this.#source);
    const unlessTaken = picker.isRare(pieces.first, this.#source);
    const asked: Asked = {
      pieces: new Set(),
      open: 0,
      unanswered: 0,
      cancel: new AbortController(),
      failed: false,
    };
    for (let piece = pieces.first; piece < pieces.end; piece++) {
      asked.pieces.add(piece);
      this.#asked.set(piece, asked);
    }
    // The source may refuse what is asked for on condition, which should be told of a piece once.
    const most = unlessTaken ? Math.max(PIECE_CHUNKS, this.#chunksAtOnce) : this.#chunksAtOnce;
    this.#queue = missing.of(pieces, most)
      .map((range) => ({ asked, range: { ...range, unlessTaken } }));
    return true;
  }

  /** A request costs the same whatever it brings; but with too few of them, one that ends leaves a gap. */
  get #chunksAtOnce(): number {
    const chunks = Math.floor(this.#window.size / (REQUESTS * CHUNK_SIZE));
    return Math.max(this.#isFar() ? 1 : PIECE_CHUNKS, Math.min(REQUEST_CHUNKS, chunks));
  }

  /** Bytes that may be in flight: the window, but for what a slow disk is behind with. */
  get #room(): number {
    return this.#window.size - Math.max(0, this.#backlog - BACKLOG_MOST);
  }

  /** Makes one request, and a reply of what comes. Never rejects. */
  async #fetch(asked: Asked, range: ChunkRequest, bytes: number): Promise<void> {
    const { budget } = this.#parts;
    const { signal } = asked.cancel;
    asked.open++;
    asked.unanswered++;
    this.#open++;
    this.#inFlight += bytes;
    let given = 0;
    try {
      await budget.take(bytes, signal);
      given = bytes;
      signal.throwIfAborted();
      const buffer = this.#buffer(bytes);
      const into = new Uint8Array(buffer, 0, bytes);
      const { length } = await this.#source.chunks(range, into, signal);
      this.#window.arrived(length);
      this.#refusals.reset();
      this.#backlog += length;
      const settle = () => {
        this.#backlog -= length;
        this.#settle(asked, given);
      };
      this.#replies.push({
        range,
        buffer,
        length,
        stored: (buffer) => {
          this.#buffers.push(buffer);
          settle();
        },
        failed: (error) => {
          this.#note(error, asked, range);
          settle();
        },
      });
    } catch (error) {
      this.#note(error, asked, range);
      this.#settle(asked, given);
    }
    // The next is asked for while this is stored: the budget bounds what waits for that.
    asked.unanswered--;
    this.#inFlight -= bytes;
    this.wake();
  }

  /** Notes why a request brought nothing. */
  #note(error: unknown, asked: Asked, { unlessTaken }: ChunkRequest): void {
    const code = error instanceof Refusal ? error.code : "";
    if (code === "taken" && unlessTaken) {
      this.#unqueue(asked);
      // Another peer is sent these pieces, and can soon be asked for them.
      for (const piece of asked.pieces) this.#parts.picker.promised(piece);
      return;
    }
    asked.failed = true;
    // Taken back, or told of too early: neither says anything against the source.
    const innocent = asked.cancel.signal.aborted || code === "not_yet";
    if (code === "not_yet") this.#pause();
    if (!innocent || isLie(error)) this.fail(error);
  }

  /** A refusal costs a pause, so that a source that gives nothing else costs next to nothing. */
  #pause(): void {
    const pause = this.#refusals.next();
    this.#pausedUntil = performance.now() + pause;
    clearTimeout(this.#timer);
    if (!this.#finished) this.#timer = setTimeout(() => this.wake(), pause);
  }

  /** One request is over, with the memory that it was given. */
  #settle(asked: Asked, given: number): void {
    if (given > 0) this.#parts.budget.give(given);
    this.#open--;
    asked.open--;
    const more = this.#queue.some((entry) => entry.asked === asked);
    if (asked.open === 0 && !more && asked.pieces.size > 0) {
      this.#release(asked, asked.failed || this.#over);
    }
    this.wake();
  }

  /** Leaves to others what is missing of some pieces; `failed` when they should try first. */
  #release({ pieces }: Asked, failed: boolean): void {
    if (failed) this.#source.receipt.retries++;
    for (const piece of pieces) {
      this.#asked.delete(piece);
      this.#parts.picker.release(piece, this.#source, failed);
    }
  }

  /** Memory for a payload, used before where some is free. */
  #buffer(bytes: number): ArrayBuffer {
    const at = this.#buffers.findIndex(({ byteLength }) => byteLength >= bytes);
    const [buffer] = at < 0 ? [] : this.#buffers.splice(at, 1);
    if (buffer) return buffer;
    this.#buffers.length = 0;
    return new ArrayBuffer(bytes);
  }
}
