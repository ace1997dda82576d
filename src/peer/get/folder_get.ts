import { Fault } from "../../fault.ts";
import { stampOfPath } from "../../store/disk/file_stamp.ts";
import { readManifest } from "../../store/shares/manifest_file.ts";
import { PartialFile } from "../../store/partial/partial_file.ts";
import type { DiskFetchOptions } from "./disk_fetch.ts";
import type { FetchJob, Outcome } from "./fetch_job.ts";
import type { StagedFile } from "../folder/folder_contents.ts";
import type { TreeContent } from "../../store/tree/known_trees.ts";
import type { FolderFetcher, FolderOutcome } from "../folder/folder_fetcher.ts";
import { isFolder, partNamed } from "../target/find_folder.ts";
import type { Target } from "../target/target.ts";
import { choosePart, type FolderReader, malformed, requireReadable } from "./folder_reader.ts";
import { settleFolder } from "../target/folder_place.ts";
import { noChecksum } from "../target/require_checksum.ts";
import { keptFolder, type KeptOptions } from "../target/kept_destination.ts";
import type { GetRequest } from "../api/peer_api.ts";
import { RateLimiter } from "../../async/rate_limiter.ts";
import type { RunningOptions } from "./running_downloads.ts";

export interface FolderGetOptions
  extends DiskFetchOptions, RunningOptions, Pick<KeptOptions, "manifests"> {
  folders: FolderFetcher;
  reader: FolderReader;
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
    const { downloads, dir, claims, partialDownloads, folders, limitDown } = this.#options;
    const { trust, onBytes } = this.#options;
    const inside = partNamed(target, job.name);
    const wanted = { ...request, name: job.name };
    if (request.sha256 && inside === "") throw noChecksum(target.id);
    const settled = request.no_clobber && await this.#leaveAlone(job, wanted, target, signal);
    if (settled) return settled;
    await claims.claim(job, id);
    const settle = () => settleFolder(wanted, target.taken, dir);
    partialDownloads.begin(id);
    let stopServing: (() => void) | undefined;
    let part;
    try {
      const known = request.sha256
        ? undefined
        : await this.known(wanted, { id, part: inside }, target, signal);
      if (known) {
        partialDownloads.remove(id);
        const { receipt, mixed } = known;
        job.transfer.size = receipt.size;
        job.transfer.before = receipt.size - job.transfer.meter.total;
        job.mixed = mixed;
        return { outcome: { kind: "folder", ...receipt } };
      }
      part = await this.#part(job, request, target, signal);
      if (part.kind === "folder") {
        if (request.sha256) throw noChecksum(target.id);
        const place = await settle();
        const { path: root } = place;
        await claims.claimPath(job, root);
        for (const older of partialDownloads.older(target, root)) {
          folders.inherit(id, older.id, place);
        }
        const { receipt, mixed, files } = await folders.fetch({
          ...{ request: wanted, inside, target, part, settle },
          ...{ transfer: job.transfer, patience: job.patience, signal, onBytes },
          limits: job.limitDown ? [limitDown, new RateLimiter(job.limitDown)] : [limitDown],
          phase: (phase) => void (job.phase = phase),
          confirm: () => trust.confirm(trustedName(job.name, target), target),
          onStaging: (staged) => {
            const path = downloads.pathOf(id);
            const manifest = { path, stamp: stampOfPath(path) };
            // Requests for a folder must not lead to a peer that fetches only a part of it.
            if (inside === "") stopServing = this.#options.onStaging(target, manifest, staged);
          },
        });
        job.mixed = mixed;
        if (!receipt.up_to_date && job.name === target.announcement?.name) {
          const path = downloads.pathOf(id);
          const manifest = { path, stamp: stampOfPath(path), root };
          await this.#options.onFetched(target, job.name, manifest, files);
        }
        partialDownloads.remove(id);
        return { outcome: { kind: "folder", ...receipt } };
      }
    } catch (error) {
      await partialDownloads.leave(job, id, error);
      // Nothing was begun that another try could go on with.
      if (!mayGoOn(error) && !folders.begun(id)) partialDownloads.remove(id);
      throw error;
    } finally {
      stopServing?.();
      claims.release(id);
    }
    partialDownloads.remove(id);
    job.partial = job.downloader = undefined;
    return { file: await this.#options.reader.fileIn(target, part.entry, signal) };
  }

  /**
   * The outcome for what stands at a request's destination, if that is known to be all that is
   * wanted.
   */
  async known(
    request: GetRequest,
    content: TreeContent,
    { taken }: Target,
    signal: AbortSignal,
  ): Promise<FolderOutcome | undefined> {
    const settle = () => settleFolder(request, taken, this.#options.dir);
    return await this.#options.folders.recall(request, content, { settle, signal });
  }

  /**
   * The outcome for a folder that stands where this one would go. Nothing is done about what an
   * earlier try left, which may be an update of just that. The place of a file was looked at
   * before.
   */
  async #leaveAlone(
    job: FetchJob,
    wanted: GetRequest,
    target: Target,
    signal: AbortSignal,
  ): Promise<{ outcome: Outcome } | { file: Target } | undefined> {
    const { path, exists } = await settleFolder(wanted, target.taken, this.#options.dir);
    if (!exists) return;
    if (partNamed(target, wanted.name) !== "") {
      const { reader } = this.#options;
      const part = await reader.part(job, wanted, target, signal);
      job.downloader = undefined;
      if (part.kind === "file") {
        return { file: await reader.fileIn(target, part.entry, signal) };
      }
    }
    const kept = await keptFolder(wanted, path, { ...this.#options, signal });
    return kept && { outcome: kept };
  }

  /** The part of a folder that is asked for; its manifest is then in its partial file. */
  async #part(job: FetchJob, request: GetRequest, target: Target, signal: AbortSignal) {
    const { name } = job;
    const { output, overwrite = false, update, delete: cleaned } = request;
    requireReadable(name, target);
    const updating = update ? cleaned ? "delete" : "update" : undefined;
    job.partial = PartialFile.open(
      { ...target, name, output, overwrite, updating },
      this.#options,
    );
    await this.#options.partialDownloads.lookAt(job, job.partial, signal);
    await this.#options.running.run(job, target, job.partial, { signal });
    await job.partial.close();
    try {
      return choosePart(await readManifest(job.partial.path, signal), request, target);
    } catch (error) {
      throw malformed(name, error);
    }
  }
}

/** The name under which a publisher is known for a target: a part goes by its folder's. */
export function trustedName(name: string, target: Target): string {
  return isFolder(target) && partNamed(target, name) !== "" ? target.announcement!.name : name;
}

/** True for a failure after which the work may be resumed. */
function mayGoOn(error: unknown): boolean {
  return !(error instanceof Fault) || ["network", "deadline", "disk"].includes(error.kind);
}
