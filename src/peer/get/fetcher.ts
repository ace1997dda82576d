import type { FileEntry } from "../../content/manifest.ts";
import type { ManifestPart } from "../../content/manifest_part.ts";
import { PIECE_SIZE } from "../../content/piece_map.ts";
import { CHUNK_SIZE } from "../../content/sizes.ts";
import { Fault, inQuotes } from "../../fault.ts";
import { abortable } from "../../async/retry.ts";
import { givenName, safeName } from "../../content/safe_path.ts";
import type { Download } from "../../store/partial/download_store.ts";
import type { Announcement } from "../../wire/protocol.ts";
import type { FolderManifests } from "../../store/shares/folder_manifests.ts";
import type { StateDatabase } from "../../store/state/state_database.ts";
import { PAYLOAD_CAP } from "../../wire/protocol.ts";
import { checkedOutput } from "../target/checked_output.ts";
import { settleDestination } from "../target/destination.ts";
import { keptDestination, keptFolder } from "../target/kept_destination.ts";
import { planOf, planOfFolder, planOfKept } from "../target/plan.ts";
import { planReuse } from "../target/plan_reuse.ts";
import { Claims } from "../target/claims.ts";
import { DiskFetch, type DiskFetchOptions } from "./disk_fetch.ts";
import { account, type FetchJob } from "../status/fetch_job.ts";
import type { Outcome } from "./fetch_receipt.ts";
import { requestDeadline } from "./request_deadline.ts";
import { FetchTracker, type FetchTrackerOptions, type TrackOptions } from "./fetch_tracker.ts";
import { isFolder, partNamed } from "../target/find_folder.ts";
import { FolderFetcher } from "../folder/folder_fetcher.ts";
import { FolderReader } from "./folder_reader.ts";
import { FolderGet } from "./folder_get.ts";
import { settleFolder } from "../target/folder_place.ts";
import { TargetFinder } from "../target/target_finder.ts";
import { type Target, type WantedContent } from "../target/target.ts";
import { OrderedOutput } from "../download/ordered_output.ts";
import { PartialAdmin } from "./partial_admin.ts";
import type {
  GetOptions,
  GetRequest,
  ListedPeer,
  Plan,
  Receipt,
  StreamRequest,
} from "../api/peer_api.ts";
import { requireChecksum } from "../target/require_checksum.ts";
import { RunningDownloads, type RunningOptions } from "./running_downloads.ts";
import type { ChunkRange, Source } from "../download/source.ts";
import type { ActiveTransfer } from "../status/transfers.ts";
import { PartialDownloads, type PartialDownloadsOptions } from "./partial_downloads.ts";
import { fetchNewest } from "./version_watch.ts";

/**
 * Most bytes of a file that is streamed: a map of its pieces is one payload then. On disk, the room that
 * there is sets the limit.
 */
const STREAM_CAP = PAYLOAD_CAP * 8 * PIECE_SIZE;

interface FetcherOptions
  extends
    Omit<DiskFetchOptions, "running" | "claims" | "partialDownloads">,
    RunningOptions,
    Omit<FetchTrackerOptions, "finder"> {
  db: StateDatabase;
  /** This peer's own copy of a content, where it shares one. */
  local: (id: string) => Source | undefined;
  /** True when unsigned content may be taken unless a request says otherwise. */
  unsigned: () => boolean;
  manifests: FolderManifests;
  onFailed: PartialDownloadsOptions["onFailed"];
}

export interface StreamOptions extends GetOptions {
  /** The file of a folder that is meant, where both are known already. */
  in?: { folder: Target; entry: FileEntry };
  /** Only these chunks, in order. Default all. */
  range?: ChunkRange;
}

/** Finds a file, fetches it and puts it where it belongs: on disk, or in order into a stream. */
export class Fetcher {
  readonly finder: TargetFinder;
  readonly partials: PartialAdmin;
  readonly #options: FetcherOptions;
  readonly #running: RunningDownloads;
  readonly #claims: Claims;
  readonly #partialDownloads: PartialDownloads;
  readonly #disk: DiskFetch;
  readonly #folders: FolderFetcher;
  readonly #folderGet: FolderGet;
  readonly #reader: FolderReader;
  readonly #tracker: FetchTracker;

  constructor(options: FetcherOptions) {
    this.#options = options;
    const claims = this.#claims = new Claims();
    const finder = this.finder = new TargetFinder(options);
    this.#tracker = new FetchTracker({ ...options, finder });
    const running = this.#running = new RunningDownloads(options);
    const folders = this.#folders = new FolderFetcher({
      ...options,
      budget: running.budget,
      claims,
    });
    const partialDownloads = this.#partialDownloads = new PartialDownloads({
      ...options,
      folders,
      claims,
    });
    const reader = this.#reader = new FolderReader({ ...options, running });
    const parts = { ...options, running, claims, partialDownloads, folders, reader };
    this.#disk = new DiskFetch(parts);
    this.partials = new PartialAdmin(parts);
    this.#folderGet = new FolderGet(parts);
  }

  /**
   * See PeerApi.get. With `transfer`, it resumes by itself: it is counted there, and makes way for
   * a request of the user by failing with TAKEN_OVER.
   */
  async get(
    request: GetRequest,
    options: GetOptions = {},
    transfer?: ActiveTransfer,
  ): Promise<Receipt> {
    using ends = requestDeadline(request, options.signal);
    const { signal } = ends;
    const kept = request.no_clobber && await keptDestination(request, { ...this.#options, signal });
    if (kept) return kept;
    // An id means that version, and what resumes by itself is what it was when it began.
    const newest = request.update && !request.id && !transfer;
    const bound = { ...options, signal, transfer, newest };
    if (!newest) return await this.#fetch(request, bound);
    return await fetchNewest(() => this.#fetch(request, bound));
  }

  async #fetch(request: GetRequest, options: TrackOptions): Promise<Receipt> {
    return await this.#tracker.track(request, options, async (job, target, signal) => {
      this.#options.transfers.supersede(job.transfer);
      const outcome = await this.#place(job, { ...request, name: job.name }, target, signal);
      if (outcome.kept) return outcome;
      const older = this.#partialDownloads.removeOlder(target, outcome.path!);
      return older > 0 ? { ...outcome, older_removed: older } : outcome;
    });
  }

  async #place(
    job: FetchJob,
    request: GetRequest,
    target: Target,
    signal: AbortSignal,
  ): Promise<Outcome> {
    if (!isFolder(target)) return await this.#file(job, request, target, signal);
    const found = await this.#folderGet.get(job, request, target, signal);
    if ("outcome" in found) return found.outcome;
    const { id, size } = found.file;
    account(job, found.file);
    return { id, size, ...await this.#file(job, request, found.file, signal) };
  }

  async #file(
    job: FetchJob,
    request: GetRequest,
    target: Target,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const settle = () => settleDestination(request, target, this.#options);
    const { path, upToDate } = await settle();
    const fetched = !upToDate &&
      await this.#disk.run(job, target, { request, path, settle }, signal);
    if (!fetched) {
      await requireChecksum(path, request, signal);
      this.#partialDownloads.removeFor(target.id, path);
    }
    return { path, up_to_date: !fetched };
  }

  /** See PeerApi.plan. */
  async plan(request: GetRequest, { signal }: { signal: AbortSignal }): Promise<Plan> {
    const name = safeName(givenName(request.name));
    const place = { ...request, name };
    const kept = request.no_clobber && await keptDestination(place, { ...this.#options, signal });
    if (kept) return planOfKept(kept);
    const found = await this.finder.find(place, signal);
    const planned = isFolder(found) ? await this.#planInFolder(place, found, signal) : found;
    if ("action" in planned) return planned;
    return await this.#planFile(place, planned, signal);
  }

  /** The plan for a folder, or a part of one that is a folder; else the file in it. */
  async #planInFolder(
    place: GetRequest,
    folder: Target,
    signal: AbortSignal,
  ): Promise<Plan | Target> {
    const { name } = place;
    const inside = partNamed(folder, name);
    const settle = () => settleFolder(place, folder.taken, this.#options.dir);
    if (place.no_clobber && inside === "") {
      const { path } = await settle();
      const kept = await keptFolder(place, path, { ...this.#options, signal });
      if (kept) return planOfKept(kept);
    }
    const known = await this.#folders.recall({ request: place, inside, target: folder, signal });
    if (known) {
      return planOfFolder(name, folder, {
        ...await settle(),
        known: true,
        bytes: known.receipt.size,
      });
    }
    const found = await this.look(place, folder, signal);
    if (found.kind === "file") return await this.#reader.fileIn(folder, found.entry, signal);
    return planOfFolder(name, folder, { ...await settle(), known: false, bytes: found.bytes });
  }

  async #planFile(place: GetRequest, target: Target, signal: AbortSignal): Promise<Plan> {
    const { name } = place;
    const { path, upToDate } = await settleDestination(place, target, this.#options);
    const partial = this.#options.downloads.get(target.id);
    const reused = upToDate ? 0 : await planReuse(target, {
      old: path,
      named: place.reuse,
      there: partial?.map,
      signal,
      ...this.#options,
    });
    return planOf({ name, path, upToDate }, target, { partial, reused });
  }

  /** See PeerApi.stream. */
  async stream(
    request: StreamRequest,
    output: WritableStream<Uint8Array>,
    options: StreamOptions = {},
  ): Promise<Receipt> {
    using ends = requestDeadline(request, options.signal);
    const known = { ...options, signal: ends.signal, found: options.in?.folder };
    let sink: OrderedOutput | undefined;
    try {
      return await this.#tracker.track(request, known, async (job, found, signal) => {
        const { name } = job;
        const { sha256 } = request;
        const target = isFolder(found)
          ? await this.#fileOf(job, request, found, { entry: options.in?.entry, signal })
          : found;
        account(job, target);
        if (target.size > STREAM_CAP) {
          const why = `it is said to have ${target.size} bytes; a stream has at most ${STREAM_CAP}`;
          throw new Fault("integrity", `Cannot get ${inQuotes(job.name)}: ${why}`);
        }
        const checked = sha256 ? checkedOutput(output, { name, sha256 }) : output;
        const advance = () => job.downloader?.wake();
        const fail = (error: Fault) => job.downloader?.fail(error);
        const { range } = options;
        if (range) job.transfer.size = lengthOf(range, target.size);
        sink = new OrderedOutput(checked, advance, fail, (range?.first ?? 0) * CHUNK_SIZE);
        await this.#running.run(job, target, sink, { signal, only: range });
        await abortable(sink.finish(), signal);
        return { id: target.id, size: target.size, up_to_date: false };
      });
    } catch (error) {
      // Not waited for: an output that takes nothing more would never be done.
      (sink ?? output).abort(error).catch(() => {});
      throw error;
    }
  }

  /**
   * Finds what a name in a folder stands for: the manifest is fetched for that, and nothing put on
   * disk. Throws as {@link stream} does.
   */
  async look(wanted: WantedContent, folder: Target, signal: AbortSignal): Promise<ManifestPart> {
    let part: ManifestPart | undefined;
    await this.#tracker.track(wanted, { signal, found: folder, looks: true }, async (job) => {
      part = await this.#reader.part(job, wanted, folder, signal);
      return { id: folder.id, size: folder.size, up_to_date: true };
    });
    return part!;
  }

  /** The file in a folder that is to be streamed; `entry` where it is known already. */
  async #fileOf(
    job: FetchJob,
    request: StreamRequest,
    folder: Target,
    { entry, signal }: { entry?: FileEntry; signal: AbortSignal },
  ): Promise<Target> {
    if (entry) return await this.#reader.fileIn(folder, entry, signal);
    const part = await this.#reader.part(job, request, folder, signal);
    if (part.kind === "file") {
      return await this.#reader.fileIn(folder, part.entry, signal);
    }
    throw new Fault(
      "usage",
      `Cannot stream ${inQuotes(job.name)}: it is a folder, not one file; fetch it`,
    );
  }

  /** Notes that another peer fetches a content too: what this peer lacks, it may ask there. */
  meet(id: string, record: ListedPeer): void {
    this.#running.meet(id, record);
  }

  /** True while a content is being put on disk. */
  isRunning(id: string): boolean {
    return this.#claims.running(id) !== undefined;
  }

  /** A content that is being put on disk. */
  running(id: string): FetchJob | undefined {
    return this.#claims.running(id);
  }

  /** True when a newer version of an unfinished download, to the same place, has taken its turn. */
  isSuperseded(download: Download): boolean {
    return this.#partialDownloads.isSuperseded(download);
  }

  /**
   * The newest version of what an unfinished download is of, if it is newer and the user did not pin that
   * very content. Undefined when no bootstrap can be asked.
   */
  async newerThan(
    { announcement, taken, sha256 }: Download,
    signal: AbortSignal,
  ): Promise<Announcement | undefined> {
    if (!announcement || taken === "pinned" || sha256 !== undefined) return;
    const { name, publisher } = announcement;
    const offers = await this.#options.swarm.find({ name, publisher }, signal).catch(() => []);
    return offers.map((offer) => offer.announcement).find((other) =>
      other.publisher === publisher && other.kind === announcement.kind &&
      other.time > announcement.time && other.id !== announcement.id
    );
  }

  /** Ends the work on a content, for the reason given, and waits until nothing is under way. */
  async end(id: string, reason: Fault): Promise<void> {
    await this.#claims.end(id, reason);
  }
}

/** Bytes in some chunks of a file. */
function lengthOf({ first, count }: ChunkRange, size: number): number {
  return Math.min(size, (first + count) * CHUNK_SIZE) - first * CHUNK_SIZE;
}
