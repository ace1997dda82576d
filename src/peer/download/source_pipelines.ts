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
  #map: PieceMap | undefined;
  /** The source serves others too. */
  #isShared = false;
  /** The times of the first call and of the first request, by performance.now(). */
  readonly #started = performance.now();
  #begun = 0;
  #opened = false;
  #trial: ConnectionTrial | undefined;
  #own: Promise<void> | undefined;

  constructor(source: Source, options: SourcePipelinesOptions) {
    this.#source = source;
    this.#options = options;
  }

  /** The bytes per second that the source brings, lately. */
  get rate(): number {
    return [...this.#pipelines.values()].reduce((sum, { rate }) => sum + rate, 0);
  }

  /** Connections that are in use, or on trial without. */
  get connections(): number {
    return this.#pipelines.size;
  }

  /** Begins to fetch what is in the map; with another map than before, that one counts from now on. */
  begin(map: PieceMap): void {
    const { parts: { picker } } = this.#options;
    if (this.#own && map.complete && this.#map?.complete) return;
    this.#map = map;
    this.#begun ||= performance.now();
    picker.add(this.#source, map, this.#source.receipt.peer);
    if (!map.complete) this.#closeFurther(0);
    this.#own ??= this.#fetch(this.#source);
    this.#own.catch(() => {}); // until it is awaited
  }

  /** Resolves when nothing more is needed. Throws what ended the source. */
  async ended(): Promise<void> {
    try {
      await this.#own;
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
    return this.#begun - this.#started > FAR_MS && (rttMs === 0 || rttMs > FAR_MS);
  }

  /** True once it is time for further connections. */
  get #isDue(): boolean {
    const after = Math.max(OPEN_AFTER.ms, OPEN_AFTER.roundTrips * this.#source.rttMs);
    return this.#isFar && this.#map?.complete === true &&
      performance.now() - this.#begun > after;
  }

  /** Further connections that it may have now. */
  get #allowed(): number {
    if (this.#isShared) return 0;
    return Math.floor(CONNECTIONS_MOST / Math.max(1, this.#options.sources())) - 1;
  }

  #open(): void {
    const { parts: { picker }, signal } = this.#options;
    this.#opened = true;
    if (!this.#source.further || picker.missing < PIECES_LEAST) return;
    // What keeps to a rate does so over one connection too.
    if (this.#options.limits.some(({ rate }) => rate !== undefined)) return;
    const either = AbortSignal.any([signal, this.#ending.signal]);
    for (let count = this.#allowed; count > 0; count--) {
      const source = this.#source.further();
      if (!source) return;
      const onConnected = () => this.#join(source);
      const { limits } = this.#options;
      // That there is one less is no failure: what it was asked for, another brings.
      const opening = source.connect(either, { limits, onConnected }).catch(() => source.close());
      this.#further.set(source, opening);
    }
  }

  /** Fetches over a further connection that is there, if it may still be used. */
  #join(source: Source): void {
    const { picker } = this.#options.parts;
    if (!this.#map?.complete || this.#allowed === 0 || this.#ending.signal.aborted) {
      return source.close();
    }
    picker.add(source, this.#map);
    const fetching = this.#fetch(source).catch((error) => {
      if (isLie(error)) this.fail(error);
    }).finally(() => {
      source.close();
      this.#pipelines.delete(source);
      picker.remove(source);
      this.#further.delete(source);
    });
    this.#further.set(source, fetching);
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
