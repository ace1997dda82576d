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
import { BLOCK_DIGESTS, CHUNK_SIZE, REQUEST_CHUNKS } from "../../wire/protocol.ts";
import { Budget, type Share } from "./budget.ts";
import { type PipelineHost, RequestPipeline } from "./request_pipeline.ts";
import { MissingChunks } from "./missing_chunks.ts";
import type { RateLimiter } from "../../async/rate_limiter.ts";
import type { ReuseHost } from "./reuse.ts";
import { PiecePicker } from "./piece_picker.ts";
import type { Sink } from "../../store/disk/sink.ts";
import type { ChunkRange, Source } from "./source.ts";
import { SourcePool } from "./source_pool.ts";
import { type Find, SourceSearch, TICK_MS, WAIT_MS } from "./source_search.ts";
import { VerifiedBlocks } from "./verified_blocks.ts";
import { Condition } from "../../async/condition.ts";

/** How long to wait before those who could not bring a page of digests are asked again, in milliseconds. */
const PAGE_AGAIN_MS = 500;

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
  /** Where verified pages of digests are kept. */
  digests: DigestStore;
  sources: Source[];
  /** This peer's id. */
  peer?: string;
  /** Looks for more sources; called again and again while the download runs. */
  find?: Find<Source>;
  /** Bytes in flight, shared with other downloads. */
  budget?: Budget;
  /** What arrives keeps to all of them. */
  limits?: RateLimiter[];
  signal?: AbortSignal;
  /** When to give up at the latest, by performance.now(). */
  deadline?: number;
  /** How long to wait without any source, in milliseconds. Default {@link WAIT_MS}. */
  waitMs?: number;
  /** Runs before, and beside, what is fetched. */
  reuse?: Reuse;
  /** Called for what it took, with its number of bytes. */
  onReused?: (bytes: number) => void;
  /** Called for what was verified and written, with its number of bytes. */
  onBytes?: (bytes: number) => void;
  backoff?: BackoffOptions;
}

/**
 * Fetches one file from all who have it. Each source has a lane with a window of requests; the picker
 * says which piece comes next; each chunk is verified, then written. What one source can't bring, another
 * is asked for.
 */
export class Downloader implements PipelineHost, ReuseHost {
  /** Chunks that came, those that were had from here, and those that had to be asked for again. */
  readonly tally = { fetched: 0, reused: 0, refetched: 0 };
  readonly shape: TreeShape;
  readonly budget: Share;
  readonly #options: DownloaderOptions;
  readonly #map: PieceMap;
  readonly #picker: PiecePicker<Source>;
  readonly #pages: VerifiedBlocks;
  readonly #pool: SourcePool;
  readonly #lanes = new Map<Source, RequestPipeline>();
  readonly #missing: MissingChunks;
  readonly #ended = new AbortController();
  /** What no other source could mend: a full disk, a closed output. */
  #fatal: unknown;
  /** Chunks from this one on may still be had from here, and are not fetched yet. */
  #undecided = Infinity;
  /** Resolves when one more source is connected. */
  readonly #joined = new Condition();
  #lastTick = performance.now();
  /** For how long there was no source that brings anything, in milliseconds. */
  #hopelessMs = 0;

  constructor(options: DownloaderOptions) {
    const { id, size, sink, digests } = options;
    this.#options = options;
    this.shape = treeShape(size);
    this.budget = (options.budget ?? new Budget()).share();
    this.#pages = new VerifiedBlocks(id, this.shape, digests);
    this.#map = new PieceMap(pieceCount(size));
    for (let piece = 0; piece < this.#map.pieces; piece++) {
      if (sink.map.has(piece)) this.#map.add(piece);
    }
    this.#missing = new MissingChunks(this.shape, this.#map);
    if (options.only) this.#missing.only(options.only);
    if (options.reuse) this.#undecided = 0;
    this.#picker = new PiecePicker({
      map: this.#map,
      horizon: () => Math.min(horizonOf(sink, size), Math.floor(this.#undecided / PIECE_CHUNKS)),
      peer: options.peer,
    });
    this.#pool = new SourcePool({
      use: (source, onConnected) =>
        this.#use(source, onConnected).catch((error) => {
          // Trouble with this side's own disk is no source's fault, and no other source mends it.
          if (error instanceof Fault && error.kind === "disk") this.fail(error);
          throw error;
        }),
      signal: this.#ended.signal,
      backoff: options.backoff,
    });
  }

  /** Sources that are connected now. */
  get connected(): number {
    return this.#lanes.size;
  }

  /** Every source that was named so far. */
  get sources(): Source[] {
    return this.#pool.all;
  }

  /** Bytes per second that a source brings, lately. */
  rateOf(source: Source): number {
    return this.#lanes.get(source)?.rate ?? 0;
  }

  /** More sources; those that are known already are not added again. */
  add(sources: Source[]): void {
    if (!this.#ended.signal.aborted) this.#pool.add(sources);
  }

  /** Where each source stands, those in use first. */
  get states(): SourcePool["states"] {
    return this.#pool.states;
  }

  /** What each connected source has. */
  get holdings(): PieceMap[] {
    return this.#picker.maps;
  }

  /** Fetches these pieces before others, for a reader; undefined when it needs none any more. */
  prefer(reader: object, pieces: PieceRange | undefined): void {
    this.#picker.prefer(reader, pieces);
    this.wake();
  }

  /** How many chunks of a piece are verified and written. */
  chunksIn(piece: number): number {
    return this.#missing.countIn(piece);
  }

  /** Looks again at what can be fetched: the sink's horizon has moved. */
  wake(): void {
    for (const lane of this.#lanes.values()) lane.wake();
  }

  /** Ends the download as failed. */
  fail(error: unknown): void {
    // What comes after its end is none of its business.
    if (this.#ended.signal.aborted) return;
    this.#fatal = error;
    this.#end();
  }

  /**
   * Resolves when every chunk is verified and written. Throws a `network` Fault when there was no
   * source for too long, an `integrity` Fault when all were given up for what they sent, a `deadline`
   * Fault, and what the sink throws.
   */
  async run(): Promise<void> {
    const { id, size, sources, signal, digests } = this.#options;
    if (size === 0) return await requireEmpty(id, digests);
    if (this.#picker.missing === 0) return;
    signal?.throwIfAborted();
    const abort = () => this.fail(signal!.reason);
    signal?.addEventListener("abort", abort);
    const ended = new Promise((resolve) =>
      this.#ended.signal.addEventListener("abort", resolve, { once: true })
    );
    this.#lastTick = performance.now();
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

  /** See {@link ReuseHost}: from whoever is connected, as soon as somebody is. */
  async page(page: number): Promise<Uint8Array> {
    for (;;) {
      const stored = this.#pages.stored(0, page);
      if (stored) return stored;
      this.throwIfEnded();
      const joined = this.#joined.wait();
      for (const [source, lane] of [...this.#lanes]) {
        try {
          return await this.#pages.page(0, page, source);
        } catch (error) {
          // Who hasn't got that page may still have what others lack.
          if (error instanceof Fault && error.kind === "integrity") lane.fail(error);
        }
      }
      await Promise.race([joined, delay(PAGE_AGAIN_MS, this.#ended.signal)]);
    }
  }

  /** See {@link ReuseHost}. */
  needs(chunk: number): boolean {
    return this.#missing.needs({ first: chunk, count: 1 });
  }

  /** See {@link ReuseHost}. */
  adopt(range: ChunkRange): void {
    if (this.#ended.signal.aborted) return;
    const { chunks, bytes } = this.#had(range);
    this.tally.reused += chunks;
    this.#hopelessMs = 0;
    this.#options.onReused?.(bytes);
  }

  /** See {@link ReuseHost}. */
  lookedAt(page: number): void {
    this.#undecided = page * BLOCK_DIGESTS;
    this.wake();
  }

  /** See {@link ReuseHost}. */
  throwIfEnded(): void {
    this.#ended.signal.throwIfAborted();
  }

  take(source: Source, most: number): { pieces: PieceRange; unlessTaken: boolean } | undefined {
    if (this.#ended.signal.aborted) return;
    const pieces = this.#picker.take(source, most);
    if (!pieces) return;
    // Asked for ahead of the chunks, so that these needn't wait for it when they are here.
    this.#pages.prefetch({ first: pieces.first * PIECE_CHUNKS, count: 1 }, source);
    return { pieces, unlessTaken: this.#picker.isRare(pieces.first, source) };
  }

  taken(pieces: Iterable<number>): void {
    for (const piece of pieces) this.#picker.promised(piece);
  }

  missingOf(pieces: PieceRange): ChunkRange[] {
    return this.#missing.of(pieces, REQUEST_CHUNKS);
  }

  async store(
    range: ChunkRange,
    buffer: ArrayBuffer,
    length: number,
    source: Source,
  ): Promise<ArrayBuffer> {
    const right = Math.min(range.count * CHUNK_SIZE, this.shape.size - range.first * CHUNK_SIZE);
    if (length !== right) {
      const what = `${length} bytes in place of ${right}`;
      throw new Fault("integrity", `${source.receipt.address} sent ${what}`);
    }
    const expected = this.#pages.known(range) ?? await this.#pages.digestsOf(range, source);
    this.#ended.signal.throwIfAborted();
    // Somebody else may have been quicker: what is there already is not written again.
    if (!this.#missing.needs(range)) return buffer;
    let stored;
    try {
      const payload = { buffer, length, expected };
      stored = await this.#options.sink.store(range.first * CHUNK_SIZE, payload);
    } catch (error) {
      // What the sink can't take, no other source can mend.
      this.fail(error);
      throw error;
    }
    const good = goodStretches(length, stored.bad, CHUNK_SIZE);
    for (const [from, to] of good) {
      const first = range.first + from / CHUNK_SIZE;
      this.#note({ first, count: Math.ceil((to - from) / CHUNK_SIZE) }, source);
    }
    source.receipt.bad_chunks += stored.bad.length;
    this.tally.refetched += stored.bad.length;
    if (stored.bad.length > 0) {
      throw new Fault("integrity", `${source.receipt.address} sent a wrong chunk`);
    }
    return stored.buffer;
  }

  release(pieces: Iterable<number>, source: Source, failed: boolean): void {
    if (failed) source.receipt.retries++;
    for (const piece of pieces) this.#picker.release(piece, source, failed);
    this.wake();
  }

  /** What goes wrong with files here is no reason to fetch nothing; this side's disk is. */
  async #reuse(): Promise<void> {
    const { reuse } = this.#options;
    if (!reuse) return;
    try {
      await reuse(this);
    } catch (error) {
      if (error instanceof Fault && error.kind === "disk") this.fail(error);
    }
    this.#undecided = Infinity;
    this.#picker.unordered();
    this.wake();
  }

  async #use(source: Source, onConnected: () => void): Promise<void> {
    const { signal } = this.#ended;
    await source.connect(signal, { limits: this.#options.limits, map: true });
    const map = await this.#mapOf(source);
    signal.throwIfAborted();
    const lane = new RequestPipeline(source, this);
    this.#picker.add(source, map, source.receipt.peer);
    this.#lanes.set(source, lane);
    this.#joined.notifyAll();
    onConnected();
    try {
      await lane.run();
    } finally {
      this.#lanes.delete(source);
      this.#picker.remove(source);
      this.wake();
    }
  }

  /** What a source has; it is closed when the download ends before it says so. */
  async #mapOf(source: Source): Promise<PieceMap> {
    const { signal } = this.#ended;
    const close = () => source.close();
    signal.addEventListener("abort", close);
    try {
      signal.throwIfAborted();
      const onPiece = (piece: number) => {
        this.#picker.gained(source, piece);
        this.#lanes.get(source)?.wake();
      };
      return await source.have(onPiece, (piece) => this.#picker.promised(piece));
    } finally {
      signal.removeEventListener("abort", close);
    }
  }

  /** Chunks are verified and written. Of two who brought the same at once, the first one is credited. */
  #note(range: ChunkRange, source: Source): void {
    const { chunks, bytes } = this.#had(range);
    if (chunks === 0) return;
    source.receipt.bytes += bytes;
    this.tally.fetched += chunks;
    this.#options.onBytes?.(bytes);
  }

  /** These chunks are there; how many of them were missing, and their bytes. */
  #had(range: ChunkRange): { chunks: number; bytes: number } {
    const had = this.#missing.had(range);
    for (const piece of had.whole) {
      const others = this.#picker.done(piece);
      this.#options.sink.pieceDone(piece);
      for (const other of others) this.#lanes.get(other)?.drop(piece);
    }
    if (had.whole.length > 0 && this.#picker.missing === 0) this.#end();
    return had;
  }

  #search(): SourceSearch<Source> | undefined {
    const { find } = this.#options;
    const found = (sources: Source[]) => this.add(sources);
    return find && new SourceSearch({ find, found, pool: this.#pool, eager: true });
  }

  /** Looks for sources when it is time, and gives up when it is. */
  #tick(search: SourceSearch<Source> | undefined): void {
    const now = performance.now();
    const { deadline = Infinity, waitMs = WAIT_MS } = this.#options;
    if (now >= deadline) {
      return this.fail(new Fault("deadline", `the deadline passed with ${this.#left()} to go`));
    }
    // Whoever connects again and again and brings nothing is no source.
    // Time that this process spent asleep or starved is none that the sources had.
    const passed = Math.min(now - this.#lastTick, 2 * TICK_MS);
    this.#lastTick = now;
    this.#hopelessMs = this.#pool.hopeful ? 0 : this.#hopelessMs + passed;
    if (this.#hopelessMs >= waitMs || this.#pool.onlyLiars) return this.fail(this.#lost());
    // What is overdue may now be asked of others.
    this.wake();
    search?.tick();
  }

  /** Stops what is still connecting, waiting or under way. */
  #end(): void {
    this.#ended.abort();
    this.#joined.notifyAll();
    for (const lane of this.#lanes.values()) lane.stop();
  }

  #left(): string {
    const mebibytes = (pieces: number) => Math.ceil(pieces * PIECE_SIZE / 2 ** 20);
    return `${mebibytes(this.#picker.missing)} of ${mebibytes(this.#map.pieces)} MiB`;
  }

  #lost(): Fault {
    const why = this.#pool.reasons.slice(0, 3).join("; ");
    const reasons = why ? `: ${why}` : "";
    return new Fault(
      this.#pool.allWrong ? "integrity" : "network",
      `every source was lost${reasons}`,
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
