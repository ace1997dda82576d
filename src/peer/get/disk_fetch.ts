import fs from "node:fs";
import { Fault } from "../../fault.ts";
import type { DigestStore } from "../../store/hash/digest_store.ts";
import type { Disk } from "../../store/disk/disk.ts";
import { whyInPlace } from "../../store/disk/publish_file.ts";
import { restamp } from "../../store/disk/file_stamp.ts";
import type { DownloadStore } from "../../store/partial/download_store.ts";
import type { HashCache } from "../../store/hash/hash_cache.ts";
import { PartialFile } from "../../store/partial/partial_file.ts";
import { partialPlace } from "../../store/partial/partial_place.ts";
import { isInside, parentOf, pathIn } from "../../system/paths.ts";
import { setAttributes } from "../../store/tree/update_tree.ts";
import { TargetLock } from "../../store/state/target_lock.ts";
import { CHUNK_SIZE } from "../../content/sizes.ts";
import type { Claims } from "../target/claims.ts";
import { localFiles, replacedFile } from "../target/local_files.ts";
import { reuseLocal, type ReuseOptions } from "../download/reuse.ts";
import { type FilePlace, makeParents } from "../target/destination.ts";
import { Permit } from "../../trust/permit.ts";
import type { Reuse } from "../download/downloader.ts";
import type { FetchJob } from "../status/fetch_job.ts";
import type { Target } from "../target/target.ts";
import type { GetRequest } from "../api/peer_api.ts";
import { requireChecksum } from "../target/require_checksum.ts";
import { recordsOf } from "../download/find_sources.ts";
import type { RunningDownloads } from "./running_downloads.ts";
import type { Reseeder } from "../share/reseeder.ts";
import { copierFor } from "../download/chunk_copier.ts";
import type { TrustBook } from "../target/trust_book.ts";
import type { PartialDownloads } from "./partial_downloads.ts";

export interface DiskFetchOptions {
  digests: DigestStore;
  cache: HashCache;
  /** The shared folder: absolute, free of links. */
  dir: string;
  /** Verifies and writes what arrives. */
  disk: Disk;
  /** The store of partial downloads. */
  downloads: DownloadStore;
  /** The publishers whose announcements are taken. */
  trust: TrustBook;
  running: RunningDownloads;
  claims: Claims;
  partialDownloads: PartialDownloads;
  /** Lets others have what is fetched. */
  reseeder: Reseeder;
}

/** A download's file, and where it goes. */
interface FileRequest {
  request: GetRequest;
  path: string;
  /** Looks at the destination once more, now that no other download writes there. */
  settle: () => Promise<FilePlace>;
}

/** Fetches files to disk. */
export class DiskFetch {
  readonly #options: DiskFetchOptions;
  constructor(options: DiskFetchOptions) {
    this.#options = options;
  }

  /**
   * Fetches what is missing of a target, and puts the whole in its place. False when it turned out
   * to be there already. Throws a `held` Fault when another download fetches it, or writes there.
   */
  async run(
    job: FetchJob,
    target: Target,
    { request, path, settle }: FileRequest,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { name, output, sha256, overwrite = false } = request;
    const updating = request.update ? "update" : undefined;
    const { dir, cache, running, claims, partialDownloads, reseeder, downloads } = this.#options;
    await claims.claim(job, target.id, path);
    partialDownloads.begin(target.id);
    let stopServing: (() => void) | undefined;
    let lock: TargetLock | undefined;
    try {
      const partials = downloads.folder();
      lock = TargetLock.take(path, pathIn(parentOf(partials), "locks"));
      const { permit, upToDate } = await settle();
      if (upToDate) return false;
      const inPlace = permit.replaces ? whyInPlace(path) : undefined;
      if (inPlace) job.tell({ event: "in_place", name: job.name, path, reason: inPlace });
      const place = partialPlace(target.id, path, { dir, partials });
      job.partial = PartialFile.open(
        { ...target, name, output: output && path, overwrite, updating, sha256, place },
        { ...this.#options, target: path },
      );
      await partialDownloads.lookAt(job, job.partial, signal);
      job.partial.sources = () => recordsOf(job.downloader?.sources ?? []);
      stopServing = reseeder.growing(job.partial, target);
      const reuse = await this.#reuseFor(job, target, { path, named: request.reuse }, signal);
      await running.run(job, target, job.partial, { signal, reuse });
      job.phase = "finishing";
      await this.#confirm(job, target, { sha256, signal });
      if (isInside(dir, path)) await makeParents(dir, path);
      const mtime = target.entry?.mtime ?? target.announcement?.mtime ?? Date.now();
      const published = await job.partial.publish({ path, permit }, { mtime });
      if (target.entry) {
        // It is Shoal's own work by now, whatever stood there.
        const placed = { path: parentOf(path), permit: Permit.own };
        setAttributes(placed, [{ ...target.entry, path: baseOf(path) }]);
      }
      const stamp = restamp(path, published);
      cache.remember(path, target.id, stamp);
      await reseeder.fetched(target, name, { path, stamp });
      return true;
    } catch (error) {
      await partialDownloads.leave(job, target.id, error);
      throw error;
    } finally {
      lock?.[Symbol.dispose]();
      stopServing?.();
      claims.release(target.id);
    }
  }

  /** Has a last look at a file that is whole, before it gets its name. Throws an `integrity` Fault. */
  async #confirm(
    job: FetchJob,
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

  /** The function that takes what is missing from files here; undefined when there are none. */
  async #reuseFor(
    job: FetchJob,
    target: Target,
    { path, named }: { path: string; named?: string[] },
    signal: AbortSignal,
  ): Promise<Reuse | undefined> {
    const { cache, digests, disk, downloads, partialDownloads } = this.#options;
    const { size } = target;
    const partial = job.partial!;
    if (partial.map.complete) return;
    job.phase = "checking";
    const known = await localFiles({ size, named }, { cache, signal });
    for (const { id, size } of partialDownloads.older(target, path)) {
      known.push({ path: downloads.pathOf(id), id, size });
    }
    job.phase = "connecting";
    const replaces = size > CHUNK_SIZE && fs.existsSync(path);
    if (known.length === 0 && !replaces) return;
    const copy: ReuseOptions["copy"] = ({ first, count }, expected, from) => {
      const position = first * CHUNK_SIZE;
      const length = Math.min(count * CHUNK_SIZE, size - position);
      return partial.copy(position, { length, expected, from });
    };
    return async (host) => {
      disk.start(size);
      const files = new Map(known.map((file) => [file.id, file]));
      if (replaces) {
        job.phase = "checking";
        const copier = copierFor(host, partial);
        const old = await replacedFile(path, { cache, signal, copier });
        if (old) files.set(old.id, old);
        job.phase = "connecting";
      }
      await reuseLocal(host, { files: [...files.values()], digests, copy });
    };
  }
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
