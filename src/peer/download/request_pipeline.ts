import type { TreeShape } from "../../content/hash_tree.ts";
import { pieceLength } from "../../content/hash_tree.ts";
import { PIECE_CHUNKS, PIECE_SIZE, type PieceRange } from "../../content/piece_map.ts";
import { Fault } from "../../fault.ts";
import { Refusal } from "../../wire/caller.ts";
import { REQUEST_CHUNKS } from "../../wire/protocol.ts";
import type { Share } from "./budget.ts";
import type { ChunkRange, ChunkRequest, Source } from "./source.ts";
import { Window } from "./window.ts";
import { Condition } from "../../async/condition.ts";

/** Requests that a window is divided into, at least. */
const REQUESTS = 8;
/** Bytes that came and wait to be stored while more is asked for, at most, besides the window. */
const BACKLOG_MOST = 4 << 20;
/** Made once, because the runtime's own reason is a new error with its stack each time. */
const TAKEN_BACK = new Fault("network", "the request was taken back");

/** What a lane needs of the download that it is part of. */
export interface PipelineHost {
  readonly shape: TreeShape;
  readonly budget: Share;
  /** The next pieces for this lane's source, one to `most` of them, if there are any now. */
  take(source: Source, most: number): { pieces: PieceRange; unlessTaken: boolean } | undefined;
  /** The chunks of some pieces that are still missing, in ranges that fit a request. */
  missingOf(pieces: PieceRange): ChunkRange[];
  /** Verifies and stores what came. Throws an `integrity` Fault for wrong chunks. */
  store(
    range: ChunkRange,
    buffer: ArrayBuffer,
    length: number,
    source: Source,
  ): Promise<ArrayBuffer>;
  /** The source sends these pieces to somebody else, who can soon be asked for them. */
  taken(pieces: Iterable<number>): void;
  /** The source will not bring what is missing of some pieces; `failed` when others should try first. */
  release(pieces: Iterable<number>, source: Source, failed: boolean): void;
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

/** Keeps a window of requests in flight to one source, for as long as its connection lives. */
export class RequestPipeline {
  readonly #source: Source;
  readonly #host: PipelineHost;
  readonly #window: Window;
  readonly #asked = new Map<number, Asked>();
  readonly #buffers: ArrayBuffer[] = [];
  #queue: { asked: Asked; range: ChunkRequest }[] = [];
  /** Bytes that were asked for and have not come. */
  #inFlight = 0;
  /** Bytes that came and are not stored. */
  #backlog = 0;
  /** Requests whose chunks have not come, or are not stored. */
  #open = 0;
  #failure: unknown;
  #stopped = false;
  readonly #changed = new Condition();

  constructor(source: Source, host: PipelineHost) {
    this.#source = source;
    this.#host = host;
    this.#window = new Window(source.rttMs);
  }

  /** Bytes per second that the source brings, lately. */
  get rate(): number {
    return this.#window.rate;
  }

  /** Fetches until {@link stop}. Throws what ended the source, once nothing is under way any more. */
  async run(): Promise<void> {
    this.#source.ended.then((reason) => this.#fail(reason));
    while (this.#failure === undefined && !this.#stopped) {
      const next = this.#next();
      if (next) this.#start(next);
      else await this.#changed.wait();
    }
    for (const { asked } of this.#queue) asked.failed = true;
    this.#queue = [];
    while (this.#open > 0) await this.#changed.wait();
    for (const { pieces } of new Set(this.#asked.values())) {
      this.#host.release(pieces, this.#source, true);
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** There may be more to ask for. */
  wake(): void {
    this.#changed.notifyAll();
  }

  /** A piece was brought by somebody else. */
  drop(piece: number): void {
    const asked = this.#asked.get(piece);
    if (!asked) return;
    this.#asked.delete(piece);
    asked.pieces.delete(piece);
    if (asked.pieces.size > 0) return;
    this.#queue = this.#queue.filter((entry) => entry.asked !== asked);
    if (asked.unanswered > 0) asked.cancel.abort(TAKEN_BACK);
    this.wake();
  }

  /** Ends the source, for what it did when it was asked for something else than chunks. */
  fail(error: unknown): void {
    this.#fail(error);
  }

  /** Nothing more is needed. */
  stop(): void {
    this.#stopped = true;
    this.#source.close();
    this.#cancel();
    this.wake();
  }

  /** What to ask for next, if the window has room for it. */
  #next(): { asked: Asked; range: ChunkRequest } | undefined {
    if (this.#queue.length === 0) {
      // Not before there is room: a piece that waits here could be had from somebody else.
      if (this.#inFlight >= this.#room) return;
      const taken = this.#host.take(this.#source, this.#piecesAtOnce);
      if (!taken) return;
      const { pieces, unlessTaken } = taken;
      const asked: Asked = {
        ...{ pieces: new Set(), open: 0, unanswered: 0, failed: false },
        cancel: new AbortController(),
      };
      for (let piece = pieces.first; piece < pieces.end; piece++) {
        asked.pieces.add(piece);
        this.#asked.set(piece, asked);
      }
      this.#queue = this.#host.missingOf(pieces)
        .map((range) => ({ asked, range: { ...range, unlessTaken } }));
    }
    const [next] = this.#queue;
    if (!next) return;
    const { range } = next;
    const bytes = pieceLength(this.#host.shape, range.first, range.count);
    if (this.#inFlight > 0 && this.#inFlight + bytes > this.#room) return;
    return this.#queue.shift();
  }

  /** A request costs the same whatever it brings; but with too few of them, one that ends leaves a gap. */
  get #piecesAtOnce(): number {
    const most = REQUEST_CHUNKS / PIECE_CHUNKS;
    return Math.max(1, Math.min(most, Math.floor(this.#window.size / (REQUESTS * PIECE_SIZE))));
  }

  /** Bytes that may be in flight: the window, but for what a slow disk is behind with. */
  get #room(): number {
    return this.#window.size - Math.max(0, this.#backlog - BACKLOG_MOST);
  }

  #start({ asked, range }: { asked: Asked; range: ChunkRequest }): void {
    const bytes = pieceLength(this.#host.shape, range.first, range.count);
    asked.open++;
    asked.unanswered++;
    this.#open++;
    this.#inFlight += bytes;
    this.#fetch(range, bytes, asked).catch((error) => {
      const code = error instanceof Refusal ? error.code : "";
      if (code === "taken" && range.unlessTaken) {
        this.#queue = this.#queue.filter((entry) => entry.asked !== asked);
        return this.#host.taken(asked.pieces);
      }
      asked.failed = true;
      // Taken back, or told of too early: neither says anything against the source.
      const innocent = asked.cancel.signal.aborted || code === "not_yet";
      if (!innocent || isLie(error)) this.#fail(error);
    }).finally(() => {
      this.#open--;
      asked.open--;
      const more = this.#queue.some((entry) => entry.asked === asked);
      if (asked.open === 0 && !more && asked.pieces.size > 0) {
        for (const piece of asked.pieces) this.#asked.delete(piece);
        this.#host.release(asked.pieces, this.#source, asked.failed);
      }
      this.wake();
    });
  }

  async #fetch(range: ChunkRequest, bytes: number, asked: Asked): Promise<void> {
    const { budget } = this.#host;
    const { signal } = asked.cancel;
    let given = 0;
    let coming = bytes;
    let waiting = 0;
    try {
      await budget.take(bytes, signal);
      given = bytes;
      if (signal.aborted) return;
      const buffer = this.#buffer(bytes);
      const into = new Uint8Array(buffer, 0, bytes);
      const { length } = await this.#source.chunks(range, into, signal);
      asked.unanswered--;
      this.#window.arrived(length);
      // The next is asked for while this is stored: the budget bounds what waits for that.
      this.#inFlight -= coming;
      coming = 0;
      this.#backlog += waiting = length;
      this.wake();
      this.#buffers.push(await this.#host.store(range, buffer, length, this.#source));
    } finally {
      this.#inFlight -= coming;
      this.#backlog -= waiting;
      if (given > 0) budget.give(given);
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

  #fail(error: unknown): void {
    // A source that lies and closes at once has lied, whichever is noticed first.
    if (this.#failure === undefined || isLie(error)) this.#failure = error;
    this.#source.close();
    this.#cancel();
    this.wake();
  }

  /** Takes back what waits for the budget; requests that were sent fail as the source is closed. */
  #cancel(): void {
    for (const { cancel } of this.#asked.values()) cancel.abort(TAKEN_BACK);
  }
}

function isLie(error: unknown): boolean {
  return error instanceof Fault && error.kind === "integrity";
}
