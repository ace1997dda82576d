import { getLogger } from "@logtape/logtape";
import { RUN_CHUNKS } from "../content/run_map.ts";
import { CHUNK_SIZE } from "../content/sizes.ts";
import { treeShape } from "../content/hash_tree.ts";
import { Fault, isAbort, messageOf } from "../fault.ts";
import type { DigestStore } from "../store/digest_store.ts";
import type { Disk } from "../store/disk.ts";
import type { DownloadStore } from "../store/download_store.ts";
import type { FileStamp } from "../store/file_stamp.ts";
import type { HashCache } from "../store/hash_cache.ts";
import { bytesOf, PartialFile } from "../store/partial_file.ts";
import { isInside, pathOf, safeName } from "../store/safe_path.ts";
import { Budget } from "./budget.ts";
import { checkedOutput } from "./checked_output.ts";
import { makeParents, settleDestination } from "./destination.ts";
import { Downloader } from "./downloader.ts";
import { findSources } from "./find_sources.ts";
import { findTarget, type Target, type Wanted } from "./find_target.ts";
import { liveSources } from "./live_sources.ts";
import { OrderedOutput } from "./ordered_output.ts";
import type {
  GetOptions,
  GetRequest,
  PartialStatus,
  PeerRecord,
  Progress,
  Receipt,
  StreamRequest,
} from "./peer_api.ts";
import { requireChecksum } from "./require_checksum.ts";
import type { Servable } from "./servable.ts";
import { parseAddress } from "./settings.ts";
import type { Sink } from "./sink.ts";
import { type ChunkRange, PeerSource, type Self, type Source } from "./source.ts";
import { RateLimiter } from "./rate_limiter.ts";
import type { Swarm } from "./swarm.ts";
import type { ActiveTransfer, Transfers } from "./transfers.ts";
import type { TrustBook } from "./trust_book.ts";

const log = getLogger(["shoal", "peer", "fetcher"]);

/** How often progress is told, in milliseconds. */
const PROGRESS_EVERY_MS = 200;

export interface FetcherOptions {
  swarm: Swarm;
  digests: DigestStore;
  cache: HashCache;
  transfers: Transfers;
  /** The shared folder: absolute, free of links. */
  dir: string;
  /** Verifies and writes what arrives. */
  disk: Disk;
  /** Where unfinished downloads are kept. */
  downloads: DownloadStore;
  self: Self;
  /** For all that is fetched. */
  limitDown: RateLimiter;
  /** Whose announcements are taken. */
  trust: TrustBook;
  /** This peer's own copy of a content, where it shares one. */
  local: (id: string) => Source | undefined;
  /** Called for what was fetched, with its number of bytes. */
  onBytes?: (bytes: number) => void;
  /** Called when a download can be served while it grows; returns how to stop that. */
  onGrowing: (partial: Servable, target: Target) => () => void;
  /** Called when a file was put on disk, before its receipt is returned. */
  onFetched: (target: Target, name: string, path: string, stamp: FileStamp) => Promise<void>;
  /**
   * Called when a download that somebody waited for has failed. True when this peer goes on with it by
   * itself: then it is kept, however little of it there is.
   */
  onFailed: (id: string, error: unknown) => boolean;
}

/** A download under way: what is known of it as it goes. */
interface Job {
  name: string;
  transfer: ActiveTransfer;
  phase: Progress["phase"];
  downloader?: Downloader;
  partial?: PartialFile;
  /** Chunks that were there before. */
  reused: number;
  /** Ends it, for the reason that it is given. */
  ending: AbortController;
  /** True when nobody waits for it, so that it makes way for one who would. */
  background: boolean;
  /** True when the whole of it was refused, so that nothing of it is kept. */
  refused: boolean;
  /** By performance.now(). */
  deadline?: number;
  wait?: number;
  limitDown?: number;
  /** Resolves when it has ended, either way. */
  ended: Promise<void>;
}

export interface StreamOptions extends GetOptions {
  /** Only these chunks, in order. Default all. */
  range?: ChunkRange;
}

/** What ends a background download whose content somebody asks for. */
export const TAKEN_OVER: Error = new DOMException("somebody asked for it", "AbortError");

/** Finds a file, fetches it and puts it where it belongs: on disk, or in order into a stream. */
export class Fetcher {
  readonly #options: FetcherOptions;
  readonly #budget = new Budget();
  /** What is being put on disk, by file id. */
  readonly #running = new Map<string, Job>();
  /** Those that are being fetched, to disk or as a stream. */
  readonly #downloading = new Set<Job>();
  /** Paths that are being written. */
  readonly #writing = new Set<string>();
  /** Why downloads paused, by file id. */
  readonly #errors = new Map<string, string>();

  constructor(options: FetcherOptions) {
    this.#options = options;
  }

  /**
   * See PeerApi.get. With `transfer`, nobody waits for it: it is counted there, and makes way for a
   * request of the same content, by failing with {@link TAKEN_OVER}.
   */
  async get(
    request: GetRequest,
    options: GetOptions = {},
    transfer?: ActiveTransfer,
  ): Promise<Receipt> {
    return await this.#track(request, { ...options, transfer }, async (job, target, signal) => {
      const { dir, cache } = this.#options;
      const place = { ...request, name: job.name };
      const { path, upToDate } = await settleDestination(place, target, { dir, cache });
      if (upToDate) {
        await requireChecksum(path, place, signal);
        this.#removeFor(target.id, path);
      } else await this.#toDisk(job, place, target, path, signal);
      return { path, up_to_date: upToDate };
    });
  }

  /** See PeerApi.stream. */
  async stream(
    request: StreamRequest,
    output: WritableStream<Uint8Array>,
    options: StreamOptions = {},
  ): Promise<Receipt> {
    let sink: OrderedOutput | undefined;
    try {
      return await this.#track(request, options, async (job, target, signal) => {
        const { name } = job;
        const { sha256 } = request;
        const checked = sha256 ? checkedOutput(output, { name, sha256 }) : output;
        const advance = () => job.downloader?.wake();
        const fail = (error: Fault) => job.downloader?.fail(error);
        const { range } = options;
        if (range) job.transfer.size = lengthOf(range, target.size);
        sink = new OrderedOutput(checked, advance, fail, (range?.first ?? 0) * CHUNK_SIZE);
        await this.#download(job, target, sink, signal, range);
        await sink.finish();
        return { up_to_date: false };
      });
    } catch (error) {
      await (sink ?? output).abort(error).catch(() => {});
      throw error;
    }
  }

  /** Somebody fetches a content too: what this peer lacks of it, it may ask there. */
  meet(id: string, record: PeerRecord): void {
    for (const { transfer, downloader } of this.#downloading) {
      if (transfer.id !== id || !downloader) continue;
      downloader.add(this.#sourcesOf({ id, size: downloader.shape.size }, [record]));
    }
  }

  /** True while a content is being put on disk. */
  isRunning(id: string): boolean {
    return this.#running.has(id);
  }

  /** A content that is being put on disk. */
  running(
    id: string,
  ): { partial?: PartialFile; downloader?: Downloader; ended: Promise<void> } | undefined {
    return this.#running.get(id);
  }

  /** What is not whole yet. */
  partials(): PartialStatus[] {
    return this.#options.downloads.list().map(({ id, name, size, map, updated, paused }) => {
      const job = this.#running.get(id);
      const bytes = job?.partial?.bytes ?? bytesOf(map, size);
      const state = job ? "active" : "paused";
      if (paused) return { name, id, size, bytes, updated, state, on_request: true };
      return { name, id, size, bytes, updated, state, error: this.#errors.get(id) };
    });
  }

  /** What a request for partials means; throws a `not_found` Fault that they can't be `verb`ed. */
  choose({ name, id = "" }: Pick<GetRequest, "name" | "id">, verb: string): PartialStatus[] {
    const wanted = name.normalize("NFC");
    const chosen = this.partials().filter((one) => one.name === wanted && one.id.startsWith(id));
    if (chosen.length > 0) return chosen;
    const what = id ? `${wanted} with id ${id.slice(0, 12)}` : wanted;
    throw new Fault("not_found", `Cannot ${verb} ${what}: it is not being fetched`);
  }

  /** Ends the work on a content, for the reason given, and waits until nothing is under way. */
  async end(id: string, reason: Fault): Promise<void> {
    const job = this.#running.get(id);
    job?.ending.abort(reason);
    await job?.ended;
  }

  /** See PeerApi.cancel. */
  async cancel(request: Pick<GetRequest, "name" | "id">): Promise<PartialStatus[]> {
    const { downloads, transfers } = this.#options;
    const removed: PartialStatus[] = [];
    for (const partial of this.choose(request, "cancel")) {
      const { id, name } = partial;
      await this.end(id, new Fault("usage", `Cannot get ${name}: it was cancelled`));
      // It may just have become whole.
      if (downloads.get(id)) removed.push({ ...partial, state: "paused" });
      this.#remove(id);
      transfers.mark(id, "cancelled");
    }
    if (removed.length > 0) return removed;
    throw new Fault("not_found", `Cannot cancel ${request.name}: it has just become whole`);
  }

  /** Finds what is asked for, does `work`, and accounts for it from begin to end. */
  async #track(
    request: StreamRequest,
    options: GetOptions & { transfer?: ActiveTransfer },
    work: (
      job: Job,
      target: Target,
      signal: AbortSignal,
    ) => Promise<Pick<Receipt, "path" | "up_to_date">>,
  ): Promise<Receipt> {
    const started = performance.now();
    const name = safeName(request.name.normalize("NFC"));
    const ended = Promise.withResolvers<void>();
    const job: Job = {
      name,
      transfer: options.transfer ?? this.#options.transfers.download(name),
      phase: "finding",
      reused: 0,
      ending: new AbortController(),
      background: options.transfer !== undefined,
      refused: false,
      wait: request.wait,
      deadline: request.deadline === undefined ? undefined : started + request.deadline,
      limitDown: request.limit_down,
      ended: ended.promise,
    };
    const { transfer } = job;
    transfer.state = "active";
    transfer.error = undefined;
    transfer.sources = () => job.downloader?.connected ?? 0;
    transfer.from = () => job.downloader ? liveSources(job.downloader) : [];
    transfer.retries = () =>
      job.downloader?.sources.reduce((sum, { receipt }) => sum + receipt.retries, 0) ?? 0;
    const signals = [job.ending.signal, ...(options.signal ? [options.signal] : [])];
    const signal = AbortSignal.any(signals);
    const tell = () => options.onProgress?.(progressOf(job));
    const ticker = setInterval(tell, PROGRESS_EVERY_MS);
    const late = request.deadline === undefined ? undefined : setTimeout(
      () => job.ending.abort(new Fault("deadline", `Cannot get ${name}: the deadline passed`)),
      request.deadline,
    );
    try {
      signal.throwIfAborted();
      const target = await this.find({ ...request, name }, signal, job.background);
      transfer.id = target.id;
      transfer.size = target.size;
      this.#options.transfers.supersede(transfer);
      job.phase = "connecting";
      const outcome = { ...await work(job, target, signal), sha256: request.sha256 };
      this.#options.trust.remember(name, target);
      transfer.state = "done";
      tell();
      return receiptOf(job, target, outcome, (performance.now() - started) / 1000);
    } catch (error) {
      const late = error instanceof Fault && error.kind === "deadline";
      transfer.state = signal.aborted && !late ? "cancelled" : "failed";
      transfer.error = messageOf(error);
      throw error;
    } finally {
      clearInterval(ticker);
      clearTimeout(late);
      transfer.settle();
      ended.resolve();
    }
  }

  /**
   * What a request means. What nobody waits for (`background`) is what it was when it began. What is
   * here already, whole but for its name, needs nobody else.
   */
  async find(wanted: Wanted, signal: AbortSignal, background = false): Promise<Target> {
    const known = wanted.id === undefined ? undefined : this.#options.downloads.get(wanted.id);
    try {
      const target = await findTarget(wanted, { ...this.#options, signal });
      if (!background || !known) return target;
      return { ...target, announcement: known.announcement, taken: known.taken };
    } catch (error) {
      if (!known?.map.complete || signal.aborted) throw error;
      const { id, size, announcement, taken } = known;
      return { id, size, announcement, taken: background ? taken : "pinned", sources: [] };
    }
  }

  async #toDisk(
    job: Job,
    { name, output, overwrite = false, sha256 }: GetRequest,
    target: Target,
    path: string,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#claim(job, target.id, path);
    const { dir, cache } = this.#options;
    let stopServing: (() => void) | undefined;
    try {
      job.partial = PartialFile.open(
        { ...target, name, output: output && path, overwrite, sha256 },
        this.#options,
      );
      this.#unpause(job, target.id);
      await this.#check(job, job.partial, signal);
      job.partial.sources = () => recordsOf(job.downloader?.sources ?? []);
      stopServing = this.#options.onGrowing(job.partial, target);
      await this.#download(job, target, job.partial, signal);
      job.phase = "finishing";
      await this.#confirm(job, target, { sha256, signal });
      if (isInside(dir, path)) await makeParents(dir, path);
      const mtime = target.announcement?.mtime ?? Date.now();
      const stamp = await job.partial.publish(path, { mtime, overwrite });
      cache.remember(path, target.id, stamp);
      await this.#options.onFetched(target, name, path, stamp);
    } catch (error) {
      await this.#leave(job, target.id, error);
      throw error;
    } finally {
      stopServing?.();
      this.#running.delete(target.id);
      this.#writing.delete(path);
    }
  }

  /** A content is fetched once at a time, by who asked first; what nobody waits for makes way. */
  async #claim(job: Job, id: string, path: string): Promise<void> {
    const other = this.#running.get(id);
    if (other?.background && !job.background) {
      other.ending.abort(TAKEN_OVER);
      await other.ended;
    }
    if (this.#running.has(id)) {
      throw new Fault("destination", `Cannot get ${job.name}: it is being fetched already`);
    }
    if (this.#writing.has(path)) {
      throw new Fault("destination", `Cannot write ${path}: another download is writing it`);
    }
    this.#writing.add(path);
    this.#running.set(id, job);
    this.#errors.delete(id);
  }

  /** Who asks for what was paused wants it to go on; what nobody waits for stays paused. */
  #unpause({ name, background }: Job, id: string): void {
    const { downloads } = this.#options;
    if (!downloads.get(id)?.paused) return;
    if (background) throw new Fault("usage", `Cannot get ${name}: it is paused`);
    downloads.pause(id, false);
  }

  /** Has a last look at a file that is whole, before it gets its name. Throws an `integrity` Fault. */
  async #confirm(
    job: Job,
    target: Target,
    { sha256, signal }: { sha256?: string; signal: AbortSignal },
  ): Promise<void> {
    const { name } = job;
    try {
      this.#options.trust.confirm(name, target);
      await requireChecksum(job.partial!.path, { name, sha256 }, signal);
    } catch (error) {
      job.refused = error instanceof Fault && error.kind === "integrity";
      throw error;
    }
  }

  /** Verifies what is there from before. */
  async #check(job: Job, partial: PartialFile, signal: AbortSignal): Promise<void> {
    const { transfer } = job;
    transfer.before = -transfer.meter.total;
    if (partial.unchecked > 0) {
      job.phase = "checking";
      await partial.check({ signal, onChecked: (bytes) => transfer.before += bytes });
    }
    transfer.before = bytesOf(partial.map, partial.size) - transfer.meter.total;
    job.reused = chunksOf(partial);
    job.phase = "connecting";
  }

  /** Keeps what there is of a download that failed; it is removed only if there is nothing. */
  async #leave({ partial, background, refused }: Job, id: string, error: unknown): Promise<void> {
    this.#errors.set(id, isAbort(error) ? "interrupted" : messageOf(error));
    const isEmpty = partial?.bytes === 0;
    await partial?.close().catch((failure) =>
      log.info("the last checkpoint failed: {why}", { why: messageOf(failure) })
    );
    if (refused) return this.#remove(id);
    const paused = this.#options.downloads.get(id)?.paused;
    const goesOn = background || paused || this.#options.onFailed(id, error);
    if (!goesOn && (isEmpty || !partial && !this.#kept(id))) this.#remove(id);
  }

  /** True when there is something of a content from before. */
  #kept(id: string): boolean {
    return (this.#options.downloads.get(id)?.map.count ?? 0) > 0;
  }

  /** Removes what is left of a content whose file is in its place, under its own name. */
  #removeFor(id: string, path: string): void {
    const { downloads, dir } = this.#options;
    const known = this.#running.has(id) ? undefined : downloads.get(id);
    if (known && (known.output ?? pathOf(dir, known.name)) === path) this.#remove(id);
  }

  #remove(id: string): void {
    this.#options.downloads.remove(id);
    this.#errors.delete(id);
  }

  #sourcesOf(content: { id: string; size: number }, records: PeerRecord[]): Source[] {
    const { self } = this.#options;
    return records.filter(({ peer }) => peer !== self.peer)
      .map(({ address, port }) => new PeerSource(content, { host: address, port }, self));
  }

  async #download(
    job: Job,
    target: Target,
    sink: Sink,
    signal: AbortSignal,
    only?: ChunkRange,
  ): Promise<void> {
    const { transfer, deadline, wait, limitDown } = job;
    const { swarm, digests, self } = this.#options;
    const whole = sink.map.runs > 0 && sink.map.complete;
    if (target.sources.length === 0 && target.size > 0 && !whole && deadline === undefined) {
      throw new Fault("network", `Cannot get ${transfer.name}: nobody who has it can be asked`);
    }
    job.downloader = new Downloader({
      ...target,
      ...{ sink, only, digests, signal, deadline, budget: this.#budget },
      limits: limitDown
        ? [this.#options.limitDown, new RateLimiter(limitDown)]
        : [this.#options.limitDown],
      // Who gave a deadline waits for sources until then.
      waitMs: deadline === undefined ? wait : Infinity,
      peer: self.peer,
      find: (connected, found) =>
        findSources(target.id, connected, {
          ...{ swarm, signal },
          found: (records) => found(this.#sourcesOf(target, records)),
        }),
      onBytes: (bytes) => {
        job.phase = "fetching";
        transfer.add(bytes);
        this.#options.onBytes?.(bytes);
      },
    });
    this.#downloading.add(job);
    try {
      await job.downloader.run();
    } catch (error) {
      if (!(error instanceof Fault) || error === signal.reason) throw error;
      throw new Fault(error.kind, `Cannot get ${transfer.name}: ${error.message}`, {
        cause: error.cause,
      });
    } finally {
      this.#downloading.delete(job);
    }
  }
}

/** Those of some sources that have been connected, as peers tell each other of them. */
function recordsOf(sources: Source[]): PeerRecord[] {
  const useful = sources.filter(({ receipt }) => receipt.peer && !receipt.dropped);
  return useful.map(({ receipt: { address, peer } }) => {
    const { host, port } = parseAddress(address, 0);
    return { address: host, port, peer };
  });
}

/** Chunks in the runs that a partial has. */
function chunksOf({ map, size }: PartialFile): number {
  const last = map.runs - 1;
  const beyond = map.has(last) ? map.runs * RUN_CHUNKS - treeShape(size).chunks : 0;
  return map.count * RUN_CHUNKS - beyond;
}

/** Bytes in some chunks of a file. */
function lengthOf({ first, count }: ChunkRange, size: number): number {
  return Math.min(size, (first + count) * CHUNK_SIZE) - first * CHUNK_SIZE;
}

function progressOf({ transfer, phase }: Job): Progress {
  const { bytes, size, rate, eta, sources } = transfer.view();
  return { phase, bytes, size, rate, eta, sources };
}

function receiptOf(
  { transfer, downloader, reused }: Job,
  target: Target,
  outcome: Pick<Receipt, "path" | "up_to_date" | "sha256">,
  seconds: number,
): Receipt {
  const tally = downloader?.tally ?? { fetched: 0, refetched: 0 };
  const bytes = transfer.meter.total;
  return {
    name: transfer.name,
    id: target.id,
    size: target.size,
    publisher: target.announcement?.publisher,
    trust: target.taken,
    ...outcome,
    seconds,
    bytes,
    rate: bytes / seconds,
    chunks: {
      reused: outcome.up_to_date ? treeShape(target.size).chunks : reused,
      ...tally,
    },
    sources: (downloader?.sources ?? target.sources).map(({ receipt }) => receipt)
      .filter(({ bytes, dropped }) => bytes > 0 || dropped !== undefined),
  };
}
