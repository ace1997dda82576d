import type { DigestStore } from "../store/digest_store.ts";
import type { Disk } from "../store/disk.ts";
import type { FileStamp } from "../store/file_stamp.ts";
import type { HashCache } from "../store/hash_cache.ts";
import { PartialFile } from "../store/partial_file.ts";
import { isInside, safeName } from "../store/safe_path.ts";
import { treeShape } from "../content/hash_tree.ts";
import { Fault, messageOf } from "../fault.ts";
import { Downloader } from "./downloader.ts";
import { makeParents, settleDestination } from "./destination.ts";
import { findTarget, type Target } from "./find_target.ts";
import { OrderedOutput } from "./ordered_output.ts";
import type { GetOptions, GetRequest, Progress, Receipt } from "./peer_api.ts";
import type { Sink } from "./sink.ts";
import type { Source } from "./source.ts";
import type { Swarm } from "./swarm.ts";
import type { ActiveTransfer, Transfers } from "./transfers.ts";

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
  /** Where partial files are kept. */
  partials: string;
  self: { agent: string; peer: string };
  /** This peer's own copy of a content, where it shares one. */
  local: (id: string) => Source | undefined;
  /** Called when a file was put on disk, before its receipt is returned. */
  onFetched: (target: Target, name: string, path: string, stamp: FileStamp) => Promise<void>;
}

/** A download under way: what is known of it as it goes. */
interface Job {
  transfer: ActiveTransfer;
  phase: Progress["phase"];
  downloader?: Downloader;
}

/** Finds a file, fetches it and puts it where it belongs: on disk, or in order into a stream. */
export class Fetcher {
  readonly #options: FetcherOptions;
  readonly #writing = new Set<string>();

  constructor(options: FetcherOptions) {
    this.#options = options;
  }

  /** See PeerApi.get. */
  async get(request: GetRequest, options: GetOptions = {}): Promise<Receipt> {
    return await this.#track(request, options, async (job, name, target) => {
      const { dir, cache } = this.#options;
      const { path, upToDate } = await settleDestination({ ...request, name }, target, {
        dir,
        cache,
      });
      if (upToDate) return { path, up_to_date: true };
      await this.#toDisk(job, { ...request, name }, target, path, options.signal);
      return { path, up_to_date: false };
    });
  }

  /** See PeerApi.stream. */
  async stream(
    request: Pick<GetRequest, "name" | "id">,
    output: WritableStream<Uint8Array>,
    options: GetOptions = {},
  ): Promise<Receipt> {
    let sink: OrderedOutput | undefined;
    try {
      return await this.#track(request, options, async (job, _name, target) => {
        const advance = () => job.downloader?.wake();
        sink = new OrderedOutput(output, advance, (error) => job.downloader?.fail(error));
        await this.#download(job, target, sink, options.signal);
        await sink.finish();
        return { up_to_date: false };
      });
    } catch (error) {
      await (sink ?? output).abort(error).catch(() => {});
      throw error;
    }
  }

  /** Finds what is asked for, does `work`, and accounts for it from begin to end. */
  async #track(
    request: Pick<GetRequest, "name" | "id">,
    { signal, onProgress }: GetOptions,
    work: (
      job: Job,
      name: string,
      target: Target,
    ) => Promise<Pick<Receipt, "path" | "up_to_date">>,
  ): Promise<Receipt> {
    const started = performance.now();
    const name = safeName(request.name.normalize("NFC"));
    const job: Job = { transfer: this.#options.transfers.download(name), phase: "finding" };
    const { transfer } = job;
    transfer.sources = () => job.downloader?.connected ?? 0;
    const tell = () => onProgress?.(progressOf(job));
    const ticker = setInterval(tell, PROGRESS_EVERY_MS);
    try {
      signal?.throwIfAborted();
      const target = await findTarget({ name, id: request.id }, { ...this.#options, signal });
      transfer.id = target.id;
      transfer.size = target.size;
      job.phase = "connecting";
      const outcome = await work(job, name, target);
      transfer.state = "done";
      tell();
      return receiptOf(job, target, outcome, (performance.now() - started) / 1000);
    } catch (error) {
      transfer.state = signal?.aborted ? "cancelled" : "failed";
      transfer.error = messageOf(error);
      throw error;
    } finally {
      clearInterval(ticker);
    }
  }

  async #toDisk(
    job: Job,
    { name, overwrite = false }: GetRequest,
    target: Target,
    path: string,
    signal?: AbortSignal,
  ): Promise<void> {
    if (this.#writing.has(path)) {
      throw new Fault("destination", `Cannot write ${path}: another download is writing it`);
    }
    this.#writing.add(path);
    const { dir, partials, cache, disk } = this.#options;
    let partial: PartialFile | undefined;
    try {
      partial = PartialFile.create(partials, target, disk);
      await this.#download(job, target, partial, signal);
      job.phase = "finishing";
      if (isInside(dir, path)) await makeParents(dir, path);
      const mtime = target.announcement?.mtime ?? Date.now();
      const stamp = await partial.publish(path, { mtime, overwrite });
      cache.remember(path, target.id, stamp);
      await this.#options.onFetched(target, name, path, stamp);
    } finally {
      this.#writing.delete(path);
      await partial?.discard();
    }
  }

  async #download(
    job: Job,
    target: Target,
    sink: Sink,
    signal?: AbortSignal,
  ): Promise<void> {
    const { transfer } = job;
    if (target.sources.length === 0 && target.size > 0) {
      throw new Fault("network", `Cannot get ${transfer.name}: nobody who has it can be asked`);
    }
    job.downloader = new Downloader({
      ...target,
      sink,
      digests: this.#options.digests,
      signal,
      onBytes: (bytes) => {
        job.phase = "fetching";
        transfer.add(bytes);
      },
    });
    try {
      await job.downloader.run();
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      throw new Fault(error.kind, `Cannot get ${transfer.name}: ${error.message}`, {
        cause: error.cause,
      });
    }
  }
}

function progressOf({ transfer, phase }: Job): Progress {
  const { bytes, size, rate, eta, sources } = transfer.view();
  return { phase, bytes, size, rate, eta, sources };
}

function receiptOf(
  { transfer, downloader }: Job,
  target: Target,
  outcome: Pick<Receipt, "path" | "up_to_date">,
  seconds: number,
): Receipt {
  const tally = downloader?.tally ?? { fetched: 0, refetched: 0 };
  const bytes = transfer.meter.total;
  return {
    name: transfer.name,
    id: target.id,
    size: target.size,
    publisher: target.announcement?.publisher,
    ...outcome,
    seconds,
    bytes,
    rate: bytes / seconds,
    chunks: {
      reused: outcome.up_to_date ? treeShape(target.size).chunks : 0,
      ...tally,
    },
    sources: target.sources.map(({ receipt }) => receipt)
      .filter(({ bytes, dropped }) => bytes > 0 || dropped !== undefined),
  };
}
