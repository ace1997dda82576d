import { goodStretches } from "../../content/bad_chunks.ts";
import { fileId } from "../../content/file_id.ts";
import { type TreeShape, treeShape } from "../../content/hash_tree.ts";
import {
  PIECE_CHUNKS,
  PIECE_SIZE,
  pieceCount,
  PieceMap,
  type PieceRange,
} from "../../content/piece_map.ts";
import { Fault } from "../../fault.ts";
import { type BackoffOptions, delay } from "../../async/retry.ts";
import type { DigestStore } from "../../store/hash/digest_store.ts";
import { zeroRuns } from "../../store/disk/zero_chunks.ts";
import { BLOCK_DIGESTS, CHUNK_SIZE } from "../../wire/protocol.ts";
import type { AddressBook } from "../reach/address_book.ts";
import { Budget } from "./budget.ts";
import type { PipelineParts, Reply } from "./request_pipeline.ts";
import { Hope } from "./hope.ts";
import { leastRateOf } from "./least_rate.ts";
import { MissingChunks } from "./missing_chunks.ts";
import type { RateLimiter } from "../../async/rate_limiter.ts";
import type { ReuseHost } from "./reuse.ts";
import { PiecePicker } from "./piece_picker.ts";
import type { Sink } from "../../store/disk/sink.ts";
import { type ChunkRange, isLie, type Source } from "./source.ts";
import { SourcePipelines } from "./source_pipelines.ts";
import { SourcePool } from "./source_pool.ts";
import { type Find, SourceSearch, TICK_MS } from "./source_search.ts";
import { VerifiedBlocks } from "./verified_blocks.ts";
import { Condition } from "../../async/condition.ts";

/** The time for which to wait before sources that could not bring a digest block are asked again, in milliseconds. */
const BLOCK_AGAIN_MS = 500;

/** Takes from this machine what it can, and says so. */
export type Reuse = (host: ReuseHost) => Promise<void>;

export interface DownloaderOptions {
  /** File id. */
  id: string;
  /** Size in bytes, as bound by the id. */
  size: number;
  sink: Sink;
  /** Only these chunks are fetched, for a sink that keeps no account of pieces. Default all. */
  only?: ChunkRange;
  /** Where verified digest blocks are kept. */
  digests: DigestStore;
  sources: Source[];
  /** This peer's id. */
  peer?: string;
  /** Looks for more sources; called again and again while the download runs. */
  find?: Find<Source>;
  /** Bytes in flight, shared with other downloads. */
  budget?: Budget;
  /** The limits of what arrives: it keeps to all. */
  limits?: RateLimiter[];
  signal?: AbortSignal;
  /** The time for which to wait without progress, in milliseconds. Default {@link WAIT_MS}. */
  waitMs?: number;
  /** Runs before, and beside, what is fetched. */
  reuse?: Reuse;
  /** The time when each address may be tried again, as all downloads know it. Default one of its own. */
  book?: AddressBook;
  /** Called for what it took, with its number of bytes. */
  onReused?: (bytes: number) => void;
  /** Called for what was verified and written, with its number of bytes. */
  onBytes?: (bytes: number) => void;
  backoff?: BackoffOptions;
}

/**
 * Fetches one file from all peers that have it. Each source has a pipeline with a window of requests; the
 * picker says which piece comes next; each chunk is verified, then written. What one source can't bring,
 * another is asked for.
 */
export class Downloader implements ReuseHost {
  /** Chunks that came, those that were here, and those that had to be asked for again. */
  readonly tally = { fetched: 0, reused: 0, refetched: 0 };
  readonly shape: TreeShape;
  readonly #options: DownloaderOptions;
  readonly #parts: PipelineParts;
  readonly #pool: SourcePool;
  readonly #pipelines = new Map<Source, SourcePipelines>();
  readonly #ended = new AbortController();
  /** A failure that no other source could mend: a full disk, a closed output. */
  #fatal: unknown;
  /** Chunks from this one on may still be had from here, and are not fetched yet. */
  #undecided = Infinity;
  /** Resolves when one more source is connected. */
  readonly #joined = new Condition();
  readonly #hope: Hope;
  /** Payloads that the sink is being given. */
  #storing = 0;
  /** Blocks of digests that only a source can bring, and without which nothing can be asked for. */
  #awaitedBlocks = 0;

  constructor(options: DownloaderOptions) {
    const { id, size, sink, digests } = options;
    this.#options = options;
    this.shape = treeShape(size);
    const missing = new MissingChunks(this.shape, sink.map ?? new PieceMap(pieceCount(size)));
    if (options.only) missing.only(options.only);
    if (options.reuse) this.#undecided = 0;
    this.#parts = {
      missing,
      picker: new PiecePicker({
        map: missing.map,
        horizon: () => Math.min(horizonOf(sink, size), Math.floor(this.#undecided / PIECE_CHUNKS)),
        isIdle: (source, ms) => this.#pool.isIdle(source, ms),
        peer: options.peer,
      }),
      blocks: new VerifiedBlocks(
        id,
        this.shape,
        digests,
        (block, digests) => void this.#takeZeros(block, digests),
      ),
      budget: (options.budget ?? new Budget()).share(),
    };
    this.#pool = new SourcePool({
      use: (source, onConnected, signal) =>
        this.#use(source, onConnected, signal).catch((error) => {
          // Trouble with this side's own disk is no source's fault, and no other source mends it.
          if (error instanceof Fault && error.kind === "disk") this.fail(error);
          throw error;
        }),
      signal: this.#ended.signal,
      book: options.book,
      backoff: options.backoff,
    });
    this.#hope = new Hope({
      waitMs: options.waitMs,
      leastRate: leastRateOf(options.limits ?? []),
    });
  }

  /** The number of sources that are connected now. */
  get connected(): number {
    return this.#pipelines.size;
  }

  /** Every source that was named so far. */
  get sources(): Source[] {
    return this.#pool.all;
  }

  /** Bytes per second that a source brings, lately. */
  rateOf(source: Source): number {
    return this.#pipelines.get(source)?.rate ?? 0;
  }

  /** Adds sources; those that are known already are not added again. */
  add(sources: Source[]): void {
    if (!this.#ended.signal.aborted) this.#pool.add(sources);
  }

  /** Where each source stands, those in use first. */
  get states(): SourcePool["states"] {
    return this.#pool.states;
  }

  /** The map of each connected source. */
  get holdings(): PieceMap[] {
    // That of a source counts once, over however many connections it is asked.
    return [...new Set(this.#parts.picker.maps)];
  }

  /** Fetches these pieces before others, for a reader; undefined when it needs none any more. */
  prefer(reader: object, pieces: PieceRange | undefined): void {
    this.#parts.picker.prefer(reader, pieces);
  }

  /** The number of chunks of a piece that are verified and written. */
  chunksIn(piece: number): number {
    return this.#parts.missing.countIn(piece);
  }

  /** Looks again at what can be fetched: the sink's horizon has moved. */
  wake(): void {
    this.#parts.picker.freed.notifyAll();
  }

  /** Ends the download as failed. */
  fail(error: unknown): void {
    // What comes after its end does not concern it.
    if (this.#ended.signal.aborted) return;
    this.#fatal = error;
    this.#end();
  }

  /**
   * Resolves when every chunk is verified and written. Throws a `network` Fault when there was no
   * source for too long, an `integrity` Fault when all were given up for what they sent, and
   * what the sink throws.
   */
  async run(): Promise<void> {
    const { id, size, sources, signal, digests } = this.#options;
    if (size === 0) return await requireEmpty(id, digests);
    if (this.#isWhole) return;
    signal?.throwIfAborted();
    const abort = () => this.fail(signal!.reason);
    signal?.addEventListener("abort", abort);
    const ended = new Promise((resolve) =>
      this.#ended.signal.addEventListener("abort", resolve, { once: true })
    );
    this.#hope.tick(this.#pool.arrived, { waiting: false });
    const search = this.#search();
    const ticker = setInterval(() => this.#tick(search), TICK_MS);
    try {
      this.#pool.add(sources);
      const reusing = this.#reuse();
      await ended;
      await Promise.all([this.#pool.settled(), reusing]);
    } finally {
      clearInterval(ticker);
      signal?.removeEventListener("abort", abort);
    }
    if (this.#fatal !== undefined) throw this.#fatal;
  }

  /** See {@link ReuseHost}: from any connected source, as soon as there is one. */
  async block(block: number): Promise<Uint8Array> {
    this.#awaitedBlocks++;
    try {
      return await this.#blockFromSource(block);
    } finally {
      this.#awaitedBlocks--;
    }
  }

  async #blockFromSource(block: number): Promise<Uint8Array> {
    const { blocks } = this.#parts;
    for (;;) {
      const stored = blocks.stored(0, block);
      if (stored) return stored;
      this.throwIfEnded();
      const joined = this.#joined.wait();
      for (const [source, pipeline] of [...this.#pipelines]) {
        try {
          return await blocks.block(0, block, source);
        } catch (error) {
          // A source without that block may still have what others lack.
          if (isLie(error)) pipeline.fail(error);
        }
      }
      await Promise.race([joined, delay(BLOCK_AGAIN_MS, this.#ended.signal)]);
    }
  }

  /** See {@link ReuseHost}. */
  needs(chunk: number): boolean {
    return this.#parts.missing.needs({ first: chunk, count: 1 });
  }

  /** See {@link ReuseHost}. */
  adopt(range: ChunkRange): void {
    if (this.#ended.signal.aborted) return;
    const { chunks, bytes } = this.#had(range);
    this.tally.reused += chunks;
    this.#hope.verified();
    this.#options.onReused?.(bytes);
  }

  /** See {@link ReuseHost}. */
  lookedAt(block: number): void {
    this.#undecided = block * BLOCK_DIGESTS;
    this.wake();
  }

  /** See {@link ReuseHost}. */
  throwIfEnded(): void {
    this.#ended.signal.throwIfAborted();
  }

  /** Takes those chunks of a block that its digests say are zeros: nobody is asked for them. */
  async #takeZeros(block: number, digests: Uint8Array): Promise<void> {
    const { sink } = this.#options;
    if (!sink.clear) return;
    try {
      for (const { first, count } of zeroRuns(digests)) {
        const range = { first: block * BLOCK_DIGESTS + first, count };
        if (this.#ended.signal.aborted || !this.#parts.missing.needs(range)) continue;
        await sink.clear(range.first * CHUNK_SIZE, count * CHUNK_SIZE);
        this.adopt(range);
      }
    } catch (error) {
      this.fail(error);
    }
  }

  /** Takes what is here. Trouble with files here is no reason to fetch nothing; this side's disk is. */
  async #reuse(): Promise<void> {
    const { reuse } = this.#options;
    if (!reuse) return;
    try {
      await reuse(this);
    } catch (error) {
      if (error instanceof Fault && error.kind === "disk") this.fail(error);
    }
    this.#undecided = Infinity;
    this.#parts.picker.unordered();
  }

  async #use(source: Source, onConnected: () => void, signal: AbortSignal): Promise<void> {
    const { limits = [] } = this.#options;
    const started = performance.now();
    await source.connect(signal, { limits: this.#options.limits, map: true });
    const map = await this.#mapOf(source, signal);
    signal.throwIfAborted();
    const pipelines = new SourcePipelines(source, map, {
      parts: this.#parts,
      limits,
      sources: () => this.#pool.inUse,
      store: (reply, source) => this.#store(reply, source),
      signal,
      openingMs: performance.now() - started,
    });
    this.#pipelines.set(source, pipelines);
    this.#joined.notifyAll();
    onConnected();
    await pipelines.run().finally(() => this.#pipelines.delete(source));
  }

  /** The map of a source, which is closed when the signal aborts before it says so. */
  async #mapOf(source: Source, signal: AbortSignal): Promise<PieceMap> {
    const { picker } = this.#parts;
    const close = () => source.close();
    signal.addEventListener("abort", close);
    try {
      signal.throwIfAborted();
      const onPiece = (piece: number) => {
        picker.gained(source, piece);
        this.#pipelines.get(source)?.wake();
      };
      return await source.have(onPiece, (piece) => {
        picker.promised(piece);
        this.#pipelines.get(source)?.share();
      });
    } finally {
      signal.removeEventListener("abort", close);
    }
  }

  /** Verifies what came, and stores what is right; returns the memory. Throws an `integrity` Fault for wrong chunks. */
  async #store({ range, buffer, length }: Reply, source: Source): Promise<ArrayBuffer> {
    const { blocks, missing } = this.#parts;
    const right = Math.min(range.count * CHUNK_SIZE, this.shape.size - range.first * CHUNK_SIZE);
    if (length !== right) {
      const what = `${length} bytes in place of ${right}`;
      throw new Fault("integrity", `${source.receipt.address} sent ${what}`);
    }
    const expected = blocks.known(range) ?? await blocks.digestsOf(range, source);
    this.#ended.signal.throwIfAborted();
    // Another source may have been quicker: what is there already is not written again.
    if (!missing.needs(range)) return buffer;
    let stored;
    this.#storing++;
    try {
      const payload = { buffer, length, expected };
      stored = await this.#options.sink.store(range.first * CHUNK_SIZE, payload);
    } catch (error) {
      // What the sink can't take, no other source can mend.
      this.fail(error);
      throw error;
    } finally {
      this.#storing--;
    }
    for (const [from, to] of goodStretches(length, stored.bad, CHUNK_SIZE)) {
      const first = range.first + from / CHUNK_SIZE;
      this.#credit({ first, count: Math.ceil((to - from) / CHUNK_SIZE) }, source);
    }
    if (stored.bad.length > 0) {
      source.receipt.bad_chunks += stored.bad.length;
      this.tally.refetched += stored.bad.length;
      throw new Fault("integrity", `${source.receipt.address} sent a wrong chunk`);
    }
    return stored.buffer;
  }

  /** Notes chunks as fetched. Of two sources that brought the same at once, the first one is credited. */
  #credit(range: ChunkRange, source: Source): void {
    const { chunks, bytes } = this.#had(range);
    if (chunks === 0) return;
    this.#hope.verified();
    source.receipt.bytes += bytes;
    this.tally.fetched += chunks;
    this.#options.onBytes?.(bytes);
  }

  /** Notes chunks as there; returns how many of them were missing, and their bytes. */
  #had(range: ChunkRange): { chunks: number; bytes: number } {
    const had = this.#parts.missing.had(range);
    if (this.#isWhole) this.#end();
    return had;
  }

  /** False while it is this side that holds the download up: a reader that is slow, or the disk. */
  get #isWaiting(): boolean {
    return this.#awaitedBlocks > 0 || this.#storing === 0 && this.#parts.picker.wants;
  }

  get #isWhole(): boolean {
    return this.#parts.missing.map.complete;
  }

  #search(): SourceSearch<Source> | undefined {
    const { find } = this.#options;
    const found = (sources: Source[]) => this.add(sources);
    const pool = this.#pool;
    const seen = {
      get connected() {
        return pool.connected;
      },
      // What waits for this side needs no others.
      isStalled: () => this.#isWaiting && pool.isStalled(),
    };
    return find && new SourceSearch({ find, found, pool: seen, eager: true });
  }

  /** Looks for sources when it is time, and gives up when it is. */
  #tick(search: SourceSearch<Source> | undefined): void {
    this.#pool.tick();
    for (const pipelines of this.#pipelines.values()) pipelines.tick();
    this.#hope.tick(this.#pool.arrived, {
      waiting: this.#isWaiting,
      isUnreached: this.#pool.isUnreached,
    });
    if (this.#hope.lost || this.#pool.onlyLiars) return this.fail(this.#lost());
    // What is overdue may now be asked of others.
    this.wake();
    search?.tick();
  }

  /** Stops what is still connecting, waiting or under way. */
  #end(): void {
    this.#ended.abort();
    this.#joined.notifyAll();
    for (const pipeline of this.#pipelines.values()) pipeline.stop();
  }

  #lost(): Fault {
    const why = this.#pool.reasons.slice(0, 3).join("; ");
    const reasons = why ? `: ${why}` : "";
    return new Fault(
      this.#pool.allWrong ? "integrity" : "network",
      `every source was lost${reasons}`,
      { next: this.#pool.next },
    );
  }
}

/** The first piece that can't be taken yet. */
function horizonOf({ horizon }: Sink, size: number): number {
  if (horizon === Infinity) return Infinity;
  return horizon >= size ? pieceCount(size) : Math.floor(horizon / PIECE_SIZE);
}

/** An empty file has nothing to fetch; its id is still to be right. */
async function requireEmpty(id: string, digests: DigestStore): Promise<void> {
  if (await fileId(0, new Uint8Array()) !== id) {
    throw new Fault("integrity", `${id.slice(0, 12)} is not the id of an empty file`);
  }
  digests.put(id, 0, 0, new Uint8Array());
}
