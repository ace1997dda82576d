import { contentId } from "../../content/sync_digest.ts";
import { Fault } from "../../fault.ts";
import { Backoff, type BackoffOptions, delay } from "../../async/retry.ts";
import type { AddressBook } from "../reach/address_book.ts";
import { Batches, type SmallFile } from "./batches.ts";
import type { RateLimiter } from "../../async/rate_limiter.ts";
import { Hope } from "./hope.ts";
import { leastRateOf } from "./least_rate.ts";
import type { PeerSource } from "./peer_source.ts";
import { isLie } from "./source.ts";
import { SourcePool } from "./source_pool.ts";
import { type Find, SourceSearch, TICK_MS } from "./source_search.ts";
import { Window } from "./window.ts";
import { Condition } from "../../async/condition.ts";

/** Requests in flight to one source. */
const IN_FLIGHT = 8;
/** The time for which a source that lacks all that is left is not asked again, in milliseconds. */
const LACKING_MS = 2_000;
/** The first and the longest pause after a source had nothing of what it was asked for, in milliseconds. */
const NOTHING_MS = { first: 50, longest: 5_000 };

/** A file that came and was verified. */
export interface FetchedFile extends SmallFile {
  bytes: Uint8Array<ArrayBuffer>;
  /** The top block of its hash tree. */
  block: Uint8Array<ArrayBuffer>;
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
  /** The time for which to wait without progress, in milliseconds. Default 60 s. */
  waitMs?: number;
  /** The time when each address may be tried again, as all downloads know it. Default one of its own. */
  book?: AddressBook;
  limits?: RateLimiter[];
  backoff?: BackoffOptions;
}

/**
 * Fetches many small files from all peers that have them: many files with one request, several requests
 * in flight to each source, over one connection. Each file is verified by its id before it is passed on.
 */
export class BatchFetcher {
  readonly #options: BatchFetcherOptions;
  readonly #batches: Batches<PeerSource>;
  readonly #pool: SourcePool<PeerSource>;
  readonly #search: SourceSearch<PeerSource>;
  readonly #ended = new AbortController();
  #failure: unknown;
  readonly #hope: Hope;
  /** Batches that are being passed on. */
  #storing = 0;
  /** Resolves when files that a source did not bring can be asked of others. */
  readonly #returned = new Condition();

  constructor(options: BatchFetcherOptions) {
    this.#options = options;
    this.#batches = new Batches<PeerSource>(options.files, Math.random, {
      isIdle: (source, ms) => this.#pool.isIdle(source, ms),
    });
    this.#pool = new SourcePool<PeerSource>({
      use: (source, onConnected, signal) => this.#use(source, onConnected, signal),
      signal: this.#ended.signal,
      book: options.book,
      backoff: options.backoff,
    });
    this.#hope = new Hope({
      waitMs: options.waitMs,
      leastRate: leastRateOf(options.limits ?? []),
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
   * Resolves when all files have come. Throws a `network` Fault without progress for too long, an
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
    this.#hope.tick(this.#pool.arrived, { waiting: false });
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

  async #use(source: PeerSource, onConnected: () => void, signal: AbortSignal): Promise<void> {
    await source.connect(signal, { limits: this.#options.limits });
    const close = () => source.close();
    signal.addEventListener("abort", close);
    try {
      signal.throwIfAborted();
      onConnected();
      this.#batches.forget(source);
      const failed = new AbortController();
      const until = AbortSignal.any([signal, failed.signal]);
      const window = new Window(() => source.rttMs);
      const worker = () =>
        this.#worker(source, window, until).catch((error) => {
          source.close();
          failed.abort();
          throw error;
        });
      const outcomes = await Promise.allSettled(Array.from({ length: IN_FLIGHT }, worker));
      const failures = outcomes.flatMap((one) => one.status === "rejected" ? [one.reason] : []);
      // A source that lies and closes at once has lied, whichever is noticed first.
      const failure = failures.find(isLie) ?? failures[0];
      if (failure !== undefined && !signal.aborted || isLie(failure)) throw failure;
    } finally {
      signal.removeEventListener("abort", close);
    }
  }

  /** One request at a time, until nothing is left. Throws what ended the source. */
  async #worker(source: PeerSource, window: Window, signal: AbortSignal): Promise<void> {
    const pauses = new Backoff(NOTHING_MS);
    while (!signal.aborted) {
      const batch = this.#batches.take(source, window.rate);
      if (batch.length === 0) {
        const returned = await this.#returned.waitFor(LACKING_MS, signal).catch(() => true);
        // Not sooner: it would be asked for what it lacks without end.
        if (!returned) this.#batches.forget(source);
        continue;
      }
      let came = 0;
      try {
        came = await this.#ask(source, batch, window);
      } finally {
        if (came < batch.length) {
          this.#batches.giveBack(batch, source);
          this.#returned.notifyAll();
        }
      }
      if (came > 0) pauses.reset();
      // One that is still fetching the same has some of it; where, only asking tells.
      else await delay(pauses.next(), signal).catch(() => {});
    }
  }

  /** Makes one request; returns how many of the files came. */
  async #ask(source: PeerSource, batch: SmallFile[], window: Window): Promise<number> {
    const wanted = batch.reduce((sum, { size }) => sum + size, 0);
    const { count, payload } = await source.files(batch.map(({ id }) => id), wanted);
    const came = batch.slice(0, count);
    const due = came.reduce((sum, { size }) => sum + size, 0);
    if (count > batch.length || payload.length !== due) {
      throw new Fault(
        "integrity",
        `${source.receipt.address} sent ${payload.length} bytes of files`,
      );
    }
    window.arrived(payload.length);
    const { files: right, wrong } = verify(came, payload);
    // Another source may have been quicker.
    const files = right.filter((file) => this.#batches.done(file));
    this.#storing++;
    try {
      await this.#options.onFiles(files);
    } catch (error) {
      this.#end(error);
      throw error;
    } finally {
      this.#storing--;
    }
    source.receipt.bytes += files.reduce((sum, { size }) => sum + size, 0);
    if (files.length > 0) this.#hope.verified();
    if (this.#batches.missing === 0) this.#end();
    if (wrong) {
      source.receipt.bad_chunks++;
      throw new Fault("integrity", `${source.receipt.address} sent a wrong file`);
    }
    const lacking = batch[count];
    if (lacking) this.#batches.lacks(source, lacking);
    return count;
  }

  #tick(): void {
    this.#pool.tick();
    this.#hope.tick(this.#pool.arrived, {
      waiting: this.#storing === 0,
      isUnreached: this.#pool.isUnreached,
    });
    if (this.#hope.lost || this.#pool.onlyLiars) return this.#end(this.#lost());
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
      { next: this.#pool.next },
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
    files.push({ id, size, bytes, block: content.block });
  }
  return { files, wrong: false };
}
