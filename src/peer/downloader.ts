import { goodStretches } from "../content/bad_chunks.ts";
import { fileId } from "../content/file_id.ts";
import { runLength, type TreeShape, treeShape } from "../content/hash_tree.ts";
import { Fault, messageOf } from "../fault.ts";
import type { DigestStore } from "../store/digest_store.ts";
import type { Stored } from "../store/disk.ts";
import { Refusal } from "../wire/caller.ts";
import { CHUNK_SIZE, RUN_CHUNKS } from "../wire/protocol.ts";
import { Picker, type Run, runsOf } from "./picker.ts";
import { Backoff, type BackoffOptions, delay } from "./retry.ts";
import type { Payload, Sink } from "./sink.ts";
import type { Source } from "./source.ts";
import { VerifiedPages } from "./verified_pages.ts";

/** Runs asked for and not yet arrived, for each source: 6 MiB. */
export const RUNS_IN_FLIGHT = 6;
/** Sources used at a time; with the above, this bounds the memory of a download to 48 MiB. */
export const SOURCES_AT_ONCE = 8;
/** Times in a row that a source may fail before it is given up. */
const FAILURES = 4;
/** A source that fails is given up when it has brought nothing for this long, in milliseconds. */
const SILENT_MS = 30_000;
/** Times that the only source may send wrong content before it is given up. */
const STRIKES = 3;

export interface DownloaderOptions {
  /** File id. */
  id: string;
  /** Size in bytes, as bound by the id. */
  size: number;
  sink: Sink;
  /** Where verified pages of digests are kept. */
  digests: DigestStore;
  sources: Source[];
  signal?: AbortSignal;
  /** Called for each verified and written part, with its number of bytes. */
  onBytes?: (bytes: number) => void;
  /** Pauses before a source that failed is tried again. */
  backoff?: BackoffOptions;
}

/**
 * Fetches one file: each source has its own connection and a few runs in flight; each chunk is
 * verified, then written. A run that fails is asked for again, elsewhere if there is an elsewhere.
 */
export class Downloader {
  /** Chunks that were verified, and how many times one had to be asked for again. */
  readonly tally = { fetched: 0, refetched: 0 };
  readonly #options: DownloaderOptions;
  readonly #shape: TreeShape;
  readonly #picker: Picker<Source>;
  readonly #pages: VerifiedPages;
  readonly #ended = new AbortController();
  /** Sources that are neither given up nor waiting for their turn. */
  readonly #active = new Set<Source>();
  readonly #connected = new Set<Source>();
  /** What no other source could mend: a full disk, a closed output. */
  #fatal: unknown;
  /** Sources given up for what they sent. */
  readonly #liars = new Set<Source>();

  constructor(options: DownloaderOptions) {
    this.#options = options;
    this.#shape = treeShape(options.size);
    this.#pages = new VerifiedPages(options.id, this.#shape, options.digests);
    this.#picker = new Picker({
      chunks: this.#shape.chunks,
      horizon: () => options.sink.horizon,
      hasOther: (source) => this.#connected.size > (this.#connected.has(source) ? 1 : 0),
    });
  }

  /** Sources that are connected now. */
  get connected(): number {
    return this.#connected.size;
  }

  /** Looks again at what can be fetched: the sink's horizon has moved. */
  wake(): void {
    this.#picker.wake();
  }

  /** Ends the download as failed. */
  fail(error: unknown): void {
    this.#fatal ??= error;
    this.#end();
  }

  /**
   * Resolves when every chunk is verified and written. Throws a `network` Fault when all sources are
   * lost, an `integrity` Fault when they were given up for what they sent, and what the sink throws.
   */
  async run(): Promise<void> {
    const { id, size, sources, signal, digests } = this.#options;
    if (size === 0) return await requireEmpty(id, digests);
    const abort = () => this.fail(signal!.reason);
    signal?.throwIfAborted();
    signal?.addEventListener("abort", abort);
    try {
      const waiting = [...sources];
      const lane = async () => {
        for (let source; (source = waiting.shift()) && this.#picker.missing > 0;) {
          await this.#use(source);
        }
      };
      await Promise.all(Array.from({ length: SOURCES_AT_ONCE }, lane));
    } finally {
      this.#end();
      signal?.removeEventListener("abort", abort);
    }
    if (this.#fatal !== undefined) throw this.#fatal;
    if (this.#picker.missing > 0) throw this.#lost();
  }

  /** Fetches from one source until the file is whole or the source is given up. */
  async #use(source: Source): Promise<void> {
    const backoff = new Backoff(this.#options.backoff);
    let failures = 0;
    let strikes = 0;
    let useful = performance.now();
    this.#active.add(source);
    while (!this.#ended.signal.aborted) {
      const before = source.receipt.bytes;
      try {
        await source.connect(this.#ended.signal);
        this.#connected.add(source);
        this.#picker.wake();
        await this.#fetchFrom(source);
        break;
      } catch (error) {
        const wrong = error instanceof Fault && error.kind === "integrity";
        // Trouble with this side's own disk is no source's fault, and no other source mends it.
        if (error instanceof Fault && error.kind === "disk") this.fail(error);
        if (this.#ended.signal.aborted) {
          // The others were quicker to mend it than this one's requests to end: it is named still.
          if (wrong) source.receipt.dropped = messageOf(error);
          break;
        }
        this.#connected.delete(source);
        this.#picker.wake();
        if (source.receipt.bytes > before) [failures, useful] = [0, performance.now()];
        strikes += wrong ? 1 : 0;
        const hopeless = error instanceof Refusal && error.code !== "busy";
        const useless = wrong && (strikes === STRIKES || this.#active.size > 1);
        const idle = performance.now() - useful > SILENT_MS;
        if (hopeless || useless || idle || ++failures === FAILURES) {
          source.receipt.dropped = messageOf(error);
          if (wrong) this.#liars.add(source);
          break;
        }
        await delay(backoff.next(), this.#ended.signal).catch(() => {});
      } finally {
        source.close();
      }
    }
    this.#active.delete(source);
    this.#connected.delete(source);
    this.#picker.wake();
  }

  /** Keeps runs in flight until none is left. Throws the first failure, once all have ended. */
  async #fetchFrom(source: Source): Promise<void> {
    let failure: unknown;
    const work = async () => {
      const size = Math.min(RUN_CHUNKS * CHUNK_SIZE, this.#options.size);
      let buffer = new ArrayBuffer(size);
      for (let run; failure === undefined && (run = await this.#picker.take(source));) {
        try {
          buffer = await this.#fetchRun(run, source, buffer);
        } catch (error) {
          failure ??= error;
          // The others' requests must not go on using a connection that is about to be replaced.
          source.close();
        }
      }
    };
    const runs = Math.min(RUNS_IN_FLIGHT, Math.ceil(this.#picker.missing / RUN_CHUNKS));
    await Promise.all(Array.from({ length: runs }, work));
    if (failure !== undefined) throw failure;
  }

  /** Fetches a run into `buffer`, and returns that, or other memory in its place. */
  async #fetchRun(run: Run, source: Source, buffer: ArrayBuffer): Promise<ArrayBuffer> {
    let missing = [run];
    try {
      // Asked for first: behind the chunks of all the runs in flight, its reply would come last.
      const digests = this.#pages.digestsOf(run, source);
      digests.catch(() => {});
      const { length } = await source.chunks(run, new Uint8Array(buffer));
      const right = runLength(this.#shape, run.first, run.count);
      if (length !== right) {
        const what = `${length} bytes in place of ${right}`;
        throw new Fault("integrity", `${source.receipt.address} sent ${what}`);
      }
      const expected = await digests;
      this.#ended.signal.throwIfAborted();
      const stored = await this.#store(run, { buffer, length, expected });
      missing = runsOf(stored.bad.map((index) => run.first + index));
      this.#account(run, goodStretches(length, stored.bad, CHUNK_SIZE), source);
      if (missing.length > 0) {
        throw new Fault("integrity", `${source.receipt.address} sent a wrong chunk`);
      }
      return stored.buffer;
    } catch (error) {
      if (missing.length > 0) source.receipt.retries++;
      for (const part of missing) this.#picker.giveBack(part, source);
      throw error;
    }
  }

  /** What the sink can't take, no other source can mend. */
  async #store(run: Run, payload: Payload): Promise<Stored> {
    try {
      return await this.#options.sink.store(run.first * CHUNK_SIZE, payload);
    } catch (error) {
      this.fail(error);
      throw error;
    }
  }

  #account(run: Run, good: [number, number][], source: Source): void {
    const bytes = good.reduce((sum, [from, to]) => sum + to - from, 0);
    const chunks = Math.ceil(bytes / CHUNK_SIZE);
    source.receipt.bytes += bytes;
    source.receipt.bad_chunks += run.count - chunks;
    this.tally.fetched += chunks;
    this.tally.refetched += run.count - chunks;
    if (bytes > 0) this.#options.onBytes?.(bytes);
    this.#picker.done(chunks);
    if (this.#picker.missing === 0) this.#end();
  }

  /** Stops what is still connecting, waiting or under way. */
  #end(): void {
    this.#ended.abort();
    this.#picker.stop();
    for (const source of this.#active) source.close();
  }

  #lost(): Fault {
    const { sources } = this.#options;
    const why = sources.map(({ receipt }) => receipt.dropped).filter((reason) => reason);
    const kind = this.#liars.size === sources.length ? "integrity" : "network";
    return new Fault(kind, `every source was lost: ${why.slice(0, 3).join("; ")}`);
  }
}

/** An empty file has nothing to fetch; its id is still to be right. */
async function requireEmpty(id: string, digests: DigestStore): Promise<void> {
  if (await fileId(0, new Uint8Array()) !== id) {
    throw new Fault("integrity", `${id.slice(0, 12)} is not the id of an empty file`);
  }
  digests.put(id, 0, 0, new Uint8Array());
}
