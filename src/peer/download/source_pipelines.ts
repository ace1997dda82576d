import type { PieceMap } from "../../content/piece_map.ts";
import type { RateLimiter } from "../../async/rate_limiter.ts";
import { isLie, type Source } from "./source.ts";
import { type PipelineParts, type Reply, RequestPipeline } from "./request_pipeline.ts";
import { ConnectionTrial } from "./connection_trial.ts";

/** Connections that a download has, at most, where it has fewer sources than that. */
export const CONNECTIONS_MOST = 4;
/** A round trip from which a source is far away, in milliseconds: then one connection may not do. */
export const FAR_MS = 30;
/**
 * The time before further connections are opened, in milliseconds, and the same in round trips: by then it is known
 * whether there are other sources, or others that fetch the same.
 */
const OPEN_AFTER = { ms: 500, roundTrips: 4 };
/** Missing pieces from which further connections are worth it. */
const PIECES_LEAST = 8;

interface SourcePipelinesOptions {
  parts: PipelineParts;
  /** The limits of what arrives. */
  limits: RateLimiter[];
  /** The number of sources that share {@link CONNECTIONS_MOST}. */
  sources: () => number;
  /** Verifies and stores what came; returns its memory. */
  store: (reply: Reply, source: Source) => Promise<ArrayBuffer>;
  /** Ends what is still being connected. */
  signal: AbortSignal;
  /** The time that it took the source to connect and to say what it has, in milliseconds. */
  openingMs: number;
}

/**
 * All that a download has in flight to one source: a pipeline over its connection, and where that is far
 * and the only one, pipelines over further connections to it: a packet that is lost slows down only one of
 * four. Those that turn out not to help are closed again.
 */
export class SourcePipelines {
  readonly #source: Source;
  readonly #options: SourcePipelinesOptions;
  /** By source; the first one is that of the source's own connection. */
  readonly #pipelines = new Map<Source, RequestPipeline>();
  /** The further connections, with what becomes of them. */
  readonly #further = new Map<Source, Promise<void>>();
  readonly #ending = new AbortController();
  readonly #map: PieceMap;
  /** The source serves others too. */
  #isShared = false;
  /** The time of the first request, by performance.now(). */
  readonly #begun = performance.now();
  #opened = false;
  #trial: ConnectionTrial | undefined;

  /** `map` says what the source has, and grows with that. */
  constructor(source: Source, map: PieceMap, options: SourcePipelinesOptions) {
    this.#source = source;
    this.#map = map;
    this.#options = options;
  }

  /** The bytes per second that the source brings, lately. */
  get rate(): number {
    return [...this.#pipelines.values()].reduce((sum, { rate }) => sum + rate, 0);
  }

  /** Fetches until nothing more is needed. Throws what ended the source. */
  async run(): Promise<void> {
    this.#options.parts.picker.add(this.#source, this.#map, this.#source.receipt.peer);
    try {
      await this.#fetch(this.#source);
    } finally {
      this.#ending.abort();
      this.#closeFurther(0);
      this.#pipelines.delete(this.#source);
      this.#options.parts.picker.remove(this.#source);
      await Promise.all(this.#further.values());
    }
  }

  /** Looks again for something to ask for: the source has more than before. */
  wake(): void {
    for (const pipeline of this.#pipelines.values()) pipeline.wake();
  }

  /** Leaves it at one connection: the source serves others too, who pass on what they get. */
  share(): void {
    if (this.#isShared) return;
    this.#isShared = true;
    this.#closeFurther(0);
  }

  /** Ends the source, for what it did. */
  fail(error: unknown): void {
    this.#pipelines.get(this.#source)?.fail(error);
  }

  /** Ends the work: nothing more is needed. */
  stop(): void {
    this.#ending.abort();
    for (const pipeline of this.#pipelines.values()) pipeline.stop();
  }

  /** Closes connections that others need, or that do not help. To be called now and then. */
  tick(): void {
    if (!this.#opened && this.#allowed > 0 && this.#isDue) this.#open();
    const further = [...this.#further.keys()].filter((source) => this.#pipelines.has(source));
    const allowed = this.#allowed;
    if (further.length > allowed) return this.#closeFurther(allowed);
    if (further.length === 0) return;
    const trial = this.#trial ??= new ConnectionTrial(this.#source.rttMs);
    const verdict = trial.tick(this.#source.arrived);
    const last = this.#pipelines.get(further.at(-1)!)!;
    if (verdict === "needless") this.#closeFurther(further.length - 1);
    else last.pause(verdict === "without");
  }

  /** True where an answer takes a while. */
  get #isFar(): boolean {
    const { rttMs } = this.#source;
    return this.#options.openingMs > FAR_MS && (rttMs === 0 || rttMs > FAR_MS);
  }

  /** True once it is time for further connections. */
  get #isDue(): boolean {
    const after = Math.max(OPEN_AFTER.ms, OPEN_AFTER.roundTrips * this.#source.rttMs);
    return this.#isFar && this.#map.complete && performance.now() - this.#begun > after;
  }

  /** Further connections that it may have now. */
  get #allowed(): number {
    if (this.#isShared) return 0;
    return Math.floor(CONNECTIONS_MOST / Math.max(1, this.#options.sources())) - 1;
  }

  #open(): void {
    const { parts: { picker }, limits, signal } = this.#options;
    this.#opened = true;
    if (!this.#source.further || picker.missing < PIECES_LEAST) return;
    // What keeps to a rate does so over one connection too.
    if (limits.some(({ rate }) => rate !== undefined)) return;
    const either = AbortSignal.any([signal, this.#ending.signal]);
    for (let count = this.#allowed; count > 0; count--) {
      const source = this.#source.further();
      if (!source) return;
      this.#further.set(source, this.#fetchOver(source, either));
    }
  }

  /** Fetches over a further connection, if it may still be used once it is there. Never rejects. */
  async #fetchOver(source: Source, signal: AbortSignal): Promise<void> {
    const { limits, parts: { picker } } = this.#options;
    try {
      await source.connect(signal, { limits });
      if (this.#allowed === 0 || this.#ending.signal.aborted) return;
      picker.add(source, this.#map);
      await this.#fetch(source);
    } catch (error) {
      // That there is one less is no failure: what it was asked for, another brings.
      if (isLie(error)) this.fail(error);
    } finally {
      source.close();
      this.#pipelines.delete(source);
      picker.remove(source);
      this.#further.delete(source);
    }
  }

  async #fetch(source: Source): Promise<void> {
    const { parts, store } = this.#options;
    const pipeline = new RequestPipeline(source, parts, () => this.#isFar && this.#allowed > 0);
    this.#pipelines.set(source, pipeline);
    for await (const reply of pipeline) {
      void store(reply, source).then(reply.stored, reply.failed);
    }
  }

  /** Leaves so many of the further connections. */
  #closeFurther(count: number): void {
    for (const source of [...this.#further.keys()].slice(Math.max(0, count))) {
      const pipeline = this.#pipelines.get(source);
      if (pipeline && !this.#ending.signal.aborted) pipeline.finish();
      else source.close();
    }
  }
}
