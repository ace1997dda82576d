import { contentId } from "../../content/sync_digest.ts";
import { Fault } from "../../fault.ts";
import { type BackoffOptions, delay } from "../../async/retry.ts";
import { Batches, type SmallFile } from "./batches.ts";
import type { RateLimiter } from "../../async/rate_limiter.ts";
import type { PeerSource } from "./peer_source.ts";
import { SourcePool } from "./source_pool.ts";
import { type Find, SourceSearch, TICK_MS, WAIT_MS } from "./source_search.ts";
import { Condition } from "../../async/condition.ts";

/** Requests in flight to one source. */
const IN_FLIGHT = 4;
/** How long a source that lacks all that is left is not asked again, in milliseconds. */
const LACKING_MS = 2_000;
/** The first and the longest pause after a source had nothing of what it was asked for, in milliseconds. */
const NOTHING_MS = { first: 50, longest: LACKING_MS };

/** A file that came and was verified. */
export interface FetchedFile extends SmallFile {
  bytes: Uint8Array<ArrayBuffer>;
  /** The top page of its hash tree. */
  page: Uint8Array<ArrayBuffer>;
}

interface BatchFetcherOptions {
  /** Each content once. */
  files: SmallFile[];
  sources: PeerSource[];
  /** Asks for more sources; called again and again while files are missing. */
  find: Find<PeerSource>;
  /** Takes files that came, before more is asked of their source. What it throws ends the work. */
  onFiles: (files: FetchedFile[]) => Promise<void> | void;
  signal: AbortSignal;
  /** How long to wait without any source that has what is missing, in milliseconds. Default 60 s. */
  waitMs?: number;
  limits?: RateLimiter[];
  backoff?: BackoffOptions;
}

/**
 * Fetches many small files from all who have them: many files with one request, several requests in
 * flight to each source, over one connection. Each file is verified by its id before it is passed on.
 */
export class BatchFetcher {
  readonly #options: BatchFetcherOptions;
  readonly #batches: Batches<PeerSource>;
  readonly #pool: SourcePool<PeerSource>;
  readonly #search: SourceSearch<PeerSource>;
  readonly #ended = new AbortController();
  #failure: unknown;
  #lastUseful = performance.now();
  /** Resolves when files that a source did not bring can be asked of others. */
  readonly #returned = new Condition();

  constructor(options: BatchFetcherOptions) {
    this.#options = options;
    this.#batches = new Batches(options.files);
    this.#pool = new SourcePool<PeerSource>({
      use: (source, onConnected) => this.#use(source, onConnected),
      signal: this.#ended.signal,
      backoff: options.backoff,
    });
    this.#search = new SourceSearch({
      find: options.find,
      found: (sources) => this.#pool.add(sources),
      pool: this.#pool,
    });
  }

  /** Every source that was named so far. */
  get sources(): PeerSource[] {
    return this.#pool.all;
  }

  get connected(): number {
    return this.#pool.connected.length;
  }

  /**
   * Resolves when all files have come. Throws a `network` Fault when nobody brought any for too long, an
   * `integrity` Fault when all sources were given up for what they sent, and what `onFiles` throws.
   */
  async run(): Promise<void> {
    const { signal, sources } = this.#options;
    if (this.#batches.missing === 0) return;
    signal.throwIfAborted();
    const abort = () => this.#end(signal.reason);
    signal.addEventListener("abort", abort);
    const ended = new Promise((resolve) =>
      this.#ended.signal.addEventListener("abort", resolve, { once: true })
    );
    const ticker = setInterval(() => this.#tick(), TICK_MS);
    try {
      this.#pool.add(sources);
      await ended;
      await this.#pool.settled();
    } finally {
      clearInterval(ticker);
      signal.removeEventListener("abort", abort);
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #use(source: PeerSource, onConnected: () => void): Promise<void> {
    const { signal } = this.#ended;
    await source.connect(signal, { limits: this.#options.limits });
    const close = () => source.close();
    signal.addEventListener("abort", close);
    try {
      signal.throwIfAborted();
      onConnected();
      this.#batches.forget(source);
      const failed = new AbortController();
      const until = AbortSignal.any([signal, failed.signal]);
      const lane = () =>
        this.#lane(source, until).catch((error) => {
          source.close();
          failed.abort();
          throw error;
        });
      const outcomes = await Promise.allSettled(Array.from({ length: IN_FLIGHT }, lane));
      const failures = outcomes.flatMap((one) => one.status === "rejected" ? [one.reason] : []);
      // A source that lies and closes at once has lied, whichever is noticed first.
      const failure = failures.find(isLie) ?? failures[0];
      if (failure !== undefined && !signal.aborted || isLie(failure)) throw failure;
    } finally {
      signal.removeEventListener("abort", close);
    }
  }

  /** One request at a time, until nothing is left. Throws what ended the source. */
  async #lane(source: PeerSource, signal: AbortSignal): Promise<void> {
    let pauseMs = NOTHING_MS.first;
    while (!signal.aborted) {
      const batch = this.#batches.take(source);
      if (batch.length === 0) {
        const pause = delay(LACKING_MS, signal).then(() => true, () => false);
        const over = await Promise.race([pause, this.#returned.wait().then(() => false)]);
        // Not sooner: it would be asked for what it lacks without end.
        if (over) this.#batches.forget(source);
        continue;
      }
      const left = new Set(batch);
      try {
        await this.#ask(source, batch, left);
      } finally {
        this.#giveBack(left);
      }
      if (left.size < batch.length) pauseMs = NOTHING_MS.first;
      else {
        // One that is still fetching the same has some of it; where, only asking tells.
        await delay(pauseMs, signal).catch(() => {});
        pauseMs = Math.min(2 * pauseMs, NOTHING_MS.longest);
      }
    }
  }

  #giveBack(files: Set<SmallFile>): void {
    if (files.size === 0) return;
    this.#batches.giveBack([...files]);
    this.#returned.notifyAll();
  }

  async #ask(source: PeerSource, batch: SmallFile[], left: Set<SmallFile>): Promise<void> {
    const wanted = batch.reduce((sum, { size }) => sum + size, 0);
    const { count, payload } = await source.files(batch.map(({ id }) => id), wanted);
    const came = batch.slice(0, count);
    const right = came.reduce((sum, { size }) => sum + size, 0);
    if (count > batch.length || payload.length !== right) {
      throw new Fault(
        "integrity",
        `${source.receipt.address} sent ${payload.length} bytes of files`,
      );
    }
    const { files, wrong } = verify(came, payload);
    try {
      await this.#options.onFiles(files);
    } catch (error) {
      this.#end(error);
      throw error;
    }
    for (const file of came.slice(0, files.length)) left.delete(file);
    source.receipt.bytes += files.reduce((sum, { size }) => sum + size, 0);
    this.#batches.done(files.length);
    if (files.length > 0) this.#lastUseful = performance.now();
    if (this.#batches.missing === 0) this.#end();
    if (wrong) {
      source.receipt.bad_chunks++;
      throw new Fault("integrity", `${source.receipt.address} sent a wrong file`);
    }
    const lacking = batch[count];
    if (lacking) this.#batches.lacks(source, lacking);
  }

  #tick(): void {
    const now = performance.now();
    const { waitMs = WAIT_MS } = this.#options;
    if (now - this.#lastUseful >= waitMs || this.#pool.onlyLiars) return this.#end(this.#lost());
    this.#search.tick();
  }

  #end(failure?: unknown): void {
    if (this.#ended.signal.aborted) return;
    this.#failure = failure;
    this.#ended.abort();
  }

  #lost(): Fault {
    const why = this.sources.flatMap(({ receipt }) => receipt.dropped ?? []);
    const reasons = why.length > 0 ? `: ${why.slice(0, 3).join("; ")}` : "";
    return new Fault(
      this.#pool.allWrong ? "integrity" : "network",
      `${this.#batches.missing} files could not be had from any source${reasons}`,
    );
  }
}

/** The files of a payload, up to the first one that is wrong. */
function verify(
  came: SmallFile[],
  payload: Uint8Array<ArrayBuffer>,
): { files: FetchedFile[]; wrong: boolean } {
  const files: FetchedFile[] = [];
  let at = 0;
  for (const { id, size } of came) {
    const bytes = payload.subarray(at, at += size);
    const content = contentId(bytes);
    if (content.id !== id) return { files, wrong: true };
    files.push({ id, size, bytes, page: content.page });
  }
  return { files, wrong: false };
}

function isLie(error: unknown): boolean {
  return error instanceof Fault && error.kind === "integrity";
}
