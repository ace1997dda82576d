import { getLogger } from "@logtape/logtape";
import { RUN_CHUNKS, RUN_SIZE } from "../content/run_map.ts";
import { CHUNK_SIZE } from "../content/sizes.ts";
import { treeShape } from "../content/hash_tree.ts";
import { Fault, isAbort, messageOf } from "../fault.ts";
import type { DigestStore } from "../store/digest_store.ts";
import type { Disk } from "../store/disk.ts";
import type { Download, DownloadStore } from "../store/download_store.ts";
import type { FileEntry } from "../content/manifest.ts";
import { parentOf } from "./folder_place.ts";
import { setAttributes } from "../store/update_tree.ts";
import { stampOfPath } from "../store/file_stamp.ts";
import type { HashCache } from "../store/hash_cache.ts";
import { bytesOf, PartialFile } from "../store/partial_file.ts";
import { foldName, isInside, pathOf, safeName } from "../store/safe_path.ts";
import { PAYLOAD_CAP } from "../wire/protocol.ts";
import { Budget } from "./budget.ts";
import { checkedOutput } from "./checked_output.ts";
import { makeParents, settleDestination } from "./destination.ts";
import { Downloader } from "./downloader.ts";
import { findSources } from "./find_sources.ts";
import { findTarget, type Target, type Wanted } from "./find_target.ts";
import { liveSources } from "./live_sources.ts";
import { partOf } from "../content/manifest_part.ts";
import { MANIFEST_CAP } from "../content/manifest.ts";
import { readManifest } from "../store/manifest_file.ts";
import { findFolderOf, isFolder, notInFolder, partNamed } from "./find_folder.ts";
import { FolderFetcher } from "./folder_fetcher.ts";
import { settleFolder } from "./folder_place.ts";
import type { StateDatabase } from "../store/state_database.ts";
import type { Place } from "../store/library.ts";
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
import { type ChunkRange, peerSources, type Self, type Source } from "./source.ts";
import { RateLimiter } from "./rate_limiter.ts";
import type { Swarm } from "./swarm.ts";
import type { ActiveTransfer, Transfers } from "./transfers.ts";
import type { TrustBook } from "./trust_book.ts";

const log = getLogger(["shoal", "peer", "fetcher"]);

/**
 * Most bytes of a file that is streamed: a map of its runs is one payload then. On disk, the room that
 * there is sets the limit.
 */
const STREAM_CAP = PAYLOAD_CAP * 8 * RUN_SIZE;
/** How often progress is told, in milliseconds. */
const PROGRESS_EVERY_MS = 200;

export interface FetcherOptions {
  swarm: Swarm;
  digests: DigestStore;
  cache: HashCache;
  db: StateDatabase;
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
  /**
   * Called when a file or folder was put on disk, before its receipt is returned. Of a folder, `place`
   * has the path of its manifest, which is only lent, and `files` are those that are in it.
   */
  onFetched: (
    target: Target,
    name: string,
    place: Place,
    files?: { path: string; id: string }[],
  ) => Promise<void>;
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
/** What a download came to; the rest of its receipt is as for a file. */
type Outcome = Pick<Receipt, "path" | "up_to_date"> & Partial<Receipt>;

/** What ends a background download whose content somebody asks for. */
export const TAKEN_OVER: Error = new DOMException("somebody asked for it", "AbortError");

/** Finds a file, fetches it and puts it where it belongs: on disk, or in order into a stream. */
export class Fetcher {
  readonly #options: FetcherOptions;
  readonly #budget = new Budget();
  readonly #folders: FolderFetcher;
  /** What is being put on disk, by file id. */
  readonly #running = new Map<string, Job>();
  /** Those that are being fetched, to disk or as a stream. */
  readonly #downloading = new Set<Job>();
  /** Paths that are being written, as {@link foldName} has them. */
  readonly #writing = new Set<string>();
  /** Why downloads paused, by file id. */
  readonly #errors = new Map<string, string>();

  constructor(options: FetcherOptions) {
    this.#options = options;
    this.#folders = new FolderFetcher({
      ...options,
      budget: this.#budget,
      isRunning: (id) => this.#running.has(id),
    });
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
      const place = { ...request, name: job.name };
      return isFolder(target)
        ? await this.#folder(job, place, target, signal)
        : await this.#file(job, place, target, signal);
    });
  }

  async #file(
    job: Job,
    request: GetRequest,
    target: Target,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { dir, cache } = this.#options;
    const overwrite = request.overwrite || request.update;
    const place = { ...request, overwrite };
    const { path, upToDate } = await settleDestination(place, target, { dir, cache });
    if (upToDate) {
      await requireChecksum(path, place, signal);
      this.#removeFor(target.id, path);
    } else await this.#toDisk(job, place, target, path, signal);
    return { path, up_to_date: upToDate };
  }

  /** A folder, or a part of one. */
  async #folder(
    job: Job,
    request: GetRequest,
    target: Target,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { id } = target;
    const { downloads, dir, limitDown } = this.#options;
    const claimed = [downloads.pathOf(id)];
    await this.#claim(job, id, claimed[0]);
    let part;
    try {
      part = await this.#part(job, request, target, signal);
      if (part.kind === "folder") {
        if (request.sha256) {
          throw new Fault("usage", `Cannot check ${job.name} by a checksum: it is a folder`);
        }
        const place = await settleFolder({ ...request, name: job.name }, dir);
        this.#claimPath(place.path);
        claimed.push(place.path);
        const { receipt, files } = await this.#folders.fetch({
          ...{ request, target, part, place, transfer: job.transfer, signal },
          limits: job.limitDown ? [limitDown, new RateLimiter(job.limitDown)] : [limitDown],
          phase: (phase) => void (job.phase = phase),
          confirm: () => this.#options.trust.confirm(trustedName(job.name, target), target),
          onBytes: this.#options.onBytes,
        });
        if (!receipt.up_to_date && job.name === target.announcement?.name) {
          const path = downloads.pathOf(id);
          const manifest = { path, stamp: stampOfPath(path), root: place.path };
          await this.#options.onFetched(target, job.name, manifest, files);
        }
        this.#remove(id);
        return { kind: "folder", ...receipt };
      }
    } catch (error) {
      await this.#leave(job, id, error);
      // Nothing was begun that another try could go on with.
      if (!mayGoOn(error) && !this.#folders.begun(id)) this.#remove(id);
      throw error;
    } finally {
      this.#running.delete(id);
      for (const path of claimed) this.#writing.delete(foldName(path));
    }
    this.#remove(id);
    job.partial = job.downloader = undefined;
    const file = await this.#fileIn(target, part.entry, signal);
    this.#account(job, file);
    const outcome = await this.#file(job, request, file, signal);
    return { id: file.id, size: file.size, ...outcome };
  }

  /** From now on, a job is about that content. */
  #account({ transfer }: Job, { id, size }: Target): void {
    transfer.id = id;
    transfer.size = size;
    transfer.before = -transfer.meter.total;
  }

  /** The part of a folder that is asked for; its manifest is then in its partial file. */
  async #part(job: Job, request: GetRequest, target: Target, signal: AbortSignal) {
    const { name } = job;
    const { output, overwrite = false, update, delete: cleaned } = request;
    if (target.size > MANIFEST_CAP) {
      const why = `its manifest has ${target.size} bytes, and ${MANIFEST_CAP} is the most`;
      throw new Fault("integrity", `Cannot get ${name}: ${why}`);
    }
    const updating = update ? cleaned ? "delete" : "update" : undefined;
    job.partial = PartialFile.open(
      { ...target, name, output, overwrite, updating },
      this.#options,
    );
    this.#unpause(job, target.id);
    await this.#check(job, job.partial, signal);
    await this.#download(job, target, job.partial, signal);
    await job.partial.close();
    try {
      const part = partOf(await readManifest(job.partial.path, signal), partNamed(target, name));
      if (part) return part;
    } catch (error) {
      if (!(error instanceof Fault) || error.kind !== "integrity") throw error;
      throw new Fault("integrity", `Cannot get ${name}: ${error.message}`, { cause: error });
    }
    throw notInFolder(name, target);
  }

  /** A file of a folder, to be fetched from who has the folder. */
  async #fileIn(folder: Target, entry: FileEntry, signal: AbortSignal): Promise<Target> {
    const { swarm, local } = this.#options;
    const { id, size } = entry;
    const { taken } = folder;
    const copy = local(id);
    if (copy) return { id, size, entry, taken, sources: [copy] };
    const sources: Source[] = [];
    const found = (records: PeerRecord[]) => void sources.push(...this.#sourcesOf(entry, records));
    await findSources(folder.id, [], { swarm, signal, found });
    return { id, size, entry, taken, sources };
  }

  /** See PeerApi.stream. */
  async stream(
    request: StreamRequest,
    output: WritableStream<Uint8Array>,
    options: StreamOptions = {},
  ): Promise<Receipt> {
    let sink: OrderedOutput | undefined;
    try {
      return await this.#track(request, options, async (job, found, signal) => {
        const { name } = job;
        const { sha256 } = request;
        const target = isFolder(found) ? await this.#toStream(job, request, found, signal) : found;
        if (target.size > STREAM_CAP) {
          const why = `it is said to have ${target.size} bytes; a stream has at most ${STREAM_CAP}`;
          throw new Fault("integrity", `Cannot get ${job.name}: ${why}`);
        }
        const checked = sha256 ? checkedOutput(output, { name, sha256 }) : output;
        const advance = () => job.downloader?.wake();
        const fail = (error: Fault) => job.downloader?.fail(error);
        const { range } = options;
        if (range) job.transfer.size = lengthOf(range, target.size);
        sink = new OrderedOutput(checked, advance, fail, (range?.first ?? 0) * CHUNK_SIZE);
        await this.#download(job, target, sink, signal, range);
        await sink.finish();
        return { id: target.id, size: target.size, up_to_date: false };
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

  /** The file in a folder that is to be streamed. */
  async #toStream(
    job: Job,
    request: StreamRequest,
    target: Target,
    signal: AbortSignal,
  ): Promise<Target> {
    const manifest = this.#options.downloads.pathOf(target.id);
    await this.#claim(job, target.id, manifest);
    try {
      const part = await this.#part(job, request, target, signal);
      if (part.kind === "file") {
        const file = await this.#fileIn(target, part.entry, signal);
        this.#account(job, file);
        return file;
      }
      throw new Fault("usage", `Cannot write ${job.name} to standard output: it is a folder`);
    } finally {
      await job.partial?.close().catch(() => {});
      this.#remove(target.id);
      this.#running.delete(target.id);
      this.#writing.delete(foldName(manifest));
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
    return this.#options.downloads.list().map((download) => {
      const { id, name, updated, paused } = download;
      const job = this.#running.get(id);
      const state = job ? "active" : "paused";
      const about = { name, id, updated, state, ...this.#extentOf(download, job) } as const;
      return paused ? { ...about, on_request: true } : { ...about, error: this.#errors.get(id) };
    });
  }

  /** What a partial is of, how much of that is there, and how much it will be. */
  #extentOf({ id, size, map, announcement }: Download, job: Job | undefined) {
    if (announcement?.kind !== "folder") {
      return { kind: "file" as const, size, bytes: job?.partial?.bytes ?? bytesOf(map, size) };
    }
    const bytes = job?.transfer.view().bytes ?? this.#folders.bytesOf(id);
    return { kind: "folder" as const, size: announcement.bytes ?? 0, bytes };
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
    ) => Promise<Outcome>,
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
      this.#account(job, target);
      this.#options.transfers.supersede(transfer);
      job.phase = "connecting";
      const outcome = { ...await work(job, target, signal), sha256: request.sha256 };
      this.#options.trust.remember(trustedName(name, target), target);
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
      if (error instanceof Fault && error.kind === "not_found") {
        const folder = await findFolderOf(wanted, { ...this.#options, signal });
        if (folder) return folder;
      }
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
      const mtime = target.entry?.mtime ?? target.announcement?.mtime ?? Date.now();
      const stamp = await job.partial.publish(path, { mtime, overwrite });
      if (target.entry) setAttributes(parentOf(path), [{ ...target.entry, path: baseOf(path) }]);
      cache.remember(path, target.id, stamp);
      await this.#options.onFetched(target, name, { path, stamp });
    } catch (error) {
      await this.#leave(job, target.id, error);
      throw error;
    } finally {
      stopServing?.();
      this.#running.delete(target.id);
      this.#writing.delete(foldName(path));
    }
  }

  /** A content is fetched once at a time, by who asked first; what nobody waits for makes way. */
  async #claim(job: Job, id: string, path: string): Promise<void> {
    const other = this.#running.get(id);
    if (other?.background && !job.background) {
      other.ending.abort(TAKEN_OVER);
      await other.ended;
    }
    if (this.#running.has(id) || this.#folders.isFetching(id)) {
      throw new Fault("destination", `Cannot get ${job.name}: it is being fetched already`);
    }
    this.#claimPath(path);
    this.#running.set(id, job);
    this.#errors.delete(id);
  }

  #claimPath(path: string): void {
    if (this.#writing.has(foldName(path))) {
      throw new Fault("destination", `Cannot write ${path}: another download is writing it`);
    }
    this.#writing.add(foldName(path));
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
    const known = this.#options.downloads.get(id);
    if (known?.announcement?.kind === "folder") this.#folders.discard(known);
    this.#options.downloads.remove(id);
    this.#errors.delete(id);
  }

  #sourcesOf(content: { id: string; size: number }, records: PeerRecord[]): Source[] {
    return peerSources(content, records, this.#options.self);
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
  outcome: Outcome,
  seconds: number,
): Receipt {
  const tally = downloader?.tally ?? { fetched: 0, refetched: 0 };
  const bytes = transfer.meter.total;
  return {
    kind: "file",
    name: transfer.name,
    id: target.id,
    size: target.size,
    publisher: target.announcement?.publisher,
    trust: target.taken,
    seconds,
    bytes,
    rate: bytes / seconds,
    chunks: {
      reused: outcome.up_to_date ? treeShape(target.size).chunks : reused,
      ...tally,
    },
    sources: (downloader?.sources ?? target.sources).map(({ receipt }) => receipt)
      .filter(({ bytes, dropped }) => bytes > 0 || dropped !== undefined),
    ...outcome,
  };
}

/** The name under which a publisher is known for a target: a part goes by its folder's. */
function trustedName(name: string, target: Target): string {
  return isFolder(target) && partNamed(target, name) !== "" ? target.announcement!.name : name;
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** True for a failure after which what was begun may be gone on with. */
function mayGoOn(error: unknown): boolean {
  return !(error instanceof Fault) || ["network", "deadline", "disk"].includes(error.kind);
}
