import { Fault } from "../../fault.ts";
import { readManifest } from "../../store/shares/manifest_file.ts";
import { PartialFile } from "../../store/partial/partial_file.ts";
import type { DiskFetchOptions } from "./disk_fetch.ts";
import type { Outcome } from "./fetch_receipt.ts";
import type { FetchJob } from "../status/fetch_job.ts";
import type { FolderFetcher } from "../folder/folder_fetcher.ts";
import type { Claims } from "../target/claims.ts";
import type { PartialDownloads } from "./partial_downloads.ts";
import { partNamed } from "../target/find_folder.ts";
import type { Target } from "../target/target.ts";
import { choosePart, type FolderReader, malformed, requireReadable } from "./folder_reader.ts";
import { settleFolder } from "../target/folder_place.ts";
import { noChecksum } from "../target/require_checksum.ts";
import { keptFolder, type KeptOptions } from "../target/kept_destination.ts";
import type { GetRequest } from "../api/peer_api.ts";
import type { LocalPeer } from "../download/peer_source.ts";
import type { RunningDownloads } from "./running_downloads.ts";

interface FolderGetOptions
  extends Omit<KeptOptions, "signal">, Pick<DiskFetchOptions, "digests" | "disk" | "downloads"> {
  running: RunningDownloads;
  claims: Claims;
  partialDownloads: PartialDownloads;
  folders: FolderFetcher;
  reader: FolderReader;
  self: LocalPeer;
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
    const { dir, claims, partialDownloads, folders, self } = this.#options;
    const inside = partNamed(target, job.name);
    const wanted = { ...request, name: job.name };
    if (request.sha256 && inside === "") throw noChecksum(target.id);
    const settled = request.no_clobber && await this.#leaveAlone(job, wanted, target, signal);
    if (settled) return settled;
    await claims.claim(job, id);
    partialDownloads.begin(id);
    // The files come over the connection that the manifest came over.
    using _held = self.lines?.hold();
    let part;
    try {
      const about = { request: wanted, inside, target, signal };
      const known = request.sha256 ? undefined : await folders.recall(about);
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
        const place = await settleFolder(wanted, target.taken, dir);
        await claims.claimPath(job, place.path);
        for (const older of partialDownloads.older(target, place.path)) {
          folders.inherit(id, older.id, place);
        }
        const { receipt, mixed } = await folders.fetch({ ...about, job, part });
        job.mixed = mixed;
        partialDownloads.remove(id);
        return { outcome: { kind: "folder", ...receipt } };
      }
    } catch (error) {
      await partialDownloads.leave(job, id, error);
      // Nothing was begun that another try could go on with.
      if (!mayGoOn(error) && !folders.begun(id)) partialDownloads.remove(id);
      throw error;
    } finally {
      claims.release(id);
    }
    partialDownloads.remove(id);
    job.partial = job.downloader = undefined;
    return { file: await this.#options.reader.fileIn(target, part.entry, signal) };
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

/** True for a failure after which the work may be resumed. */
function mayGoOn(error: unknown): boolean {
  return !(error instanceof Fault) || ["network", "deadline", "disk"].includes(error.kind);
}
