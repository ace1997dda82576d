import { type FileEntry, MANIFEST_CAP } from "../content/manifest.ts";
import { partOf } from "../content/manifest_part.ts";
import { Fault } from "../fault.ts";
import { stampOfPath } from "../store/file_stamp.ts";
import { readManifest } from "../store/manifest_file.ts";
import { PartialFile } from "../store/partial_file.ts";
import type { DiskFetch, DiskFetchOptions } from "./disk_fetch.ts";
import { account, type FetchJob, type Outcome } from "./fetch_job.ts";
import type { StagedFile } from "./folder_contents.ts";
import { isFolder, notInFolder, partNamed } from "./find_folder.ts";
import { findSources } from "./find_sources.ts";
import type { Target } from "./find_target.ts";
import { settleFolder } from "./folder_place.ts";
import type { GetRequest, PeerRecord } from "./peer_api.ts";
import { RateLimiter } from "./rate_limiter.ts";
import type { RunningOptions } from "./running_downloads.ts";
import { peerSources, type Source } from "./source.ts";

export interface FolderGetOptions extends DiskFetchOptions, RunningOptions {
  /** This peer's own copy of a content, where it shares one. */
  local: (id: string) => Source | undefined;
  disks: DiskFetch;
  /**
   * Called when files of a folder can be served while others are still fetched: `manifest` is where its
   * manifest lies for so long, and `staged` finds files by their ids. Returns how to stop that.
   */
  onStaging: (
    target: Target,
    manifest: StagedFile,
    staged: (id: string) => StagedFile | undefined,
  ) => () => void;
}

/** Downloads that lead to a folder: its manifest first, then all of it, or the part that is asked for. */
export class FolderGet {
  readonly #options: FolderGetOptions;

  constructor(options: FolderGetOptions) {
    this.#options = options;
  }

  /** Fetches a folder, or a part of one that is a folder. A file in one is returned, to be fetched. */
  async get(
    job: FetchJob,
    request: GetRequest,
    target: Target,
    signal: AbortSignal,
  ): Promise<{ outcome: Outcome } | { file: Target }> {
    const { id } = target;
    const { downloads, dir, disks, folders, limitDown, trust, onBytes } = this.#options;
    const inside = partNamed(target, job.name);
    const wanted = { ...request, name: job.name };
    if (request.sha256 && inside === "") throw noChecksum(target);
    const claimed = [downloads.pathOf(id)];
    await disks.claim(job, id, claimed[0]);
    let stopServing: (() => void) | undefined;
    let part;
    try {
      const known = request.sha256
        ? undefined
        : await folders.recall(wanted, { id, part: inside }, signal);
      if (known) {
        disks.remove(id);
        job.transfer.size = known.size;
        job.transfer.before = known.size - job.transfer.meter.total;
        return { outcome: { kind: "folder", ...known } };
      }
      part = await this.#part(job, request, target, signal);
      if (part.kind === "folder") {
        if (request.sha256) throw noChecksum(target);
        const place = await settleFolder(wanted, dir);
        disks.claimPath(place.path);
        claimed.push(place.path);
        const { receipt, files } = await folders.fetch({
          ...{ request: wanted, inside, target, part, place },
          ...{ transfer: job.transfer, signal, onBytes },
          limits: job.limitDown ? [limitDown, new RateLimiter(job.limitDown)] : [limitDown],
          phase: (phase) => void (job.phase = phase),
          confirm: () => trust.confirm(trustedName(job.name, target), target),
          onStaging: (staged) => {
            const path = downloads.pathOf(id);
            const manifest = { path, stamp: stampOfPath(path) };
            // Who asks for a folder is not to be sent to one that fetches only a part of it.
            if (inside === "") stopServing = this.#options.onStaging(target, manifest, staged);
          },
        });
        if (!receipt.up_to_date && job.name === target.announcement?.name) {
          const path = downloads.pathOf(id);
          const manifest = { path, stamp: stampOfPath(path), root: place.path };
          await this.#options.onFetched(target, job.name, manifest, files);
        }
        disks.remove(id);
        return { outcome: { kind: "folder", ...receipt } };
      }
    } catch (error) {
      await disks.leave(job, id, error);
      // Nothing was begun that another try could go on with.
      if (!mayGoOn(error) && !folders.begun(id)) disks.remove(id);
      throw error;
    } finally {
      stopServing?.();
      disks.release(id, claimed);
    }
    disks.remove(id);
    job.partial = job.downloader = undefined;
    return { file: await this.#fileIn(job, target, part.entry, signal) };
  }

  /** True when what stands at a request's destination is known to be all of a folder. */
  async isKnown(request: GetRequest, { id }: Target, signal: AbortSignal): Promise<boolean> {
    return await this.#options.folders.recall(request, { id, part: "" }, signal) !== undefined;
  }

  /** The file in a folder that is to be streamed. */
  async toStream(
    job: FetchJob,
    request: GetRequest,
    target: Target,
    signal: AbortSignal,
  ): Promise<Target> {
    const { downloads, disks } = this.#options;
    const manifest = downloads.pathOf(target.id);
    await disks.claim(job, target.id, manifest);
    try {
      const part = await this.#part(job, request, target, signal);
      if (part.kind === "file") return await this.#fileIn(job, target, part.entry, signal);
      throw new Fault("usage", `Cannot stream ${job.name}: it is a folder, not one file; fetch it`);
    } finally {
      await job.partial?.close().catch(() => {});
      disks.remove(target.id);
      disks.release(target.id, [manifest]);
    }
  }

  /** The part of a folder that is asked for; its manifest is then in its partial file. */
  async #part(job: FetchJob, request: GetRequest, target: Target, signal: AbortSignal) {
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
    await this.#options.disks.lookAt(job, job.partial, signal);
    await this.#options.running.run(job, target, job.partial, { signal });
    await job.partial.close();
    try {
      const part = partOf(await readManifest(job.partial.path, signal), partNamed(target, name));
      if (part) {
        checkPinned(request, target, part.kind === "file" ? part.entry.id : undefined);
        return part;
      }
    } catch (error) {
      if (!(error instanceof Fault) || error.kind !== "integrity") throw error;
      throw new Fault("integrity", `Cannot get ${name}: ${error.message}`, { cause: error });
    }
    throw notInFolder(name, target);
  }

  /** A file of a folder, to be fetched from who has the folder; from now on, the job is about that. */
  async #fileIn(
    job: FetchJob,
    folder: Target,
    entry: FileEntry,
    signal: AbortSignal,
  ): Promise<Target> {
    const { swarm, local, self } = this.#options;
    const { id, size } = entry;
    const { taken } = folder;
    account(job, entry);
    const copy = local(id);
    if (copy) return { id, size, entry, taken, sources: [copy] };
    const sources: Source[] = [];
    const found = (records: PeerRecord[]) =>
      void sources.push(...peerSources(entry, records, self));
    await findSources(folder.id, [], { swarm, signal, found });
    return { id, size, entry, taken, sources };
  }
}

/** The name under which a publisher is known for a target: a part goes by its folder's. */
export function trustedName(name: string, target: Target): string {
  return isFolder(target) && partNamed(target, name) !== "" ? target.announcement!.name : name;
}

/** Throws `not_found` when an id is asked for that is neither the folder's nor that of the file in it. */
function checkPinned({ name, id }: GetRequest, folder: Target, file?: string): void {
  const pinned = id?.toLowerCase();
  if (!pinned || folder.id.startsWith(pinned) || file?.startsWith(pinned)) return;
  const what = file ? `the file has the id ${file}` : "it is a folder in a folder, which has no id";
  throw new Fault("not_found", `Cannot get ${name} with id ${pinned.slice(0, 12)}: ${what}`);
}

/** The fault for a checksum of something that is no file. */
function noChecksum({ id }: Target): Fault {
  const why = "a folder has no checksum of its own; to get only what has a certain content";
  return new Fault("usage", `Cannot use --checksum: ${why}, add --id ${id}`);
}

/** True for a failure after which what was begun may be gone on with. */
function mayGoOn(error: unknown): boolean {
  return !(error instanceof Fault) || ["network", "deadline", "disk"].includes(error.kind);
}
