import fs from "node:fs";
import { getLogger } from "@logtape/logtape";
import { treeShape } from "../content/hash_tree.ts";
import { RUN_CHUNKS } from "../content/run_map.ts";
import { Fault, isAbort, messageOf } from "../fault.ts";
import type { DigestStore } from "../store/digest_store.ts";
import type { Disk } from "../store/disk.ts";
import type { DownloadStore } from "../store/download_store.ts";
import type { HashCache } from "../store/hash_cache.ts";
import { bytesOf, PartialFile } from "../store/partial_file.ts";
import type { Place as SharePlace } from "../store/library.ts";
import { foldName, isInside, pathOf } from "../store/safe_path.ts";
import { setAttributes } from "../store/update_tree.ts";
import { TargetLock } from "../store/target_lock.ts";
import { CHUNK_SIZE } from "../content/sizes.ts";
import { localFiles, replacedFile } from "./local_files.ts";
import { reuseLocal, type ReuseOptions } from "./reuse.ts";
import { makeParents } from "./destination.ts";
import type { Reuse } from "./downloader.ts";
import type { FetchJob } from "./fetch_job.ts";
import type { Target } from "./find_target.ts";
import type { FolderFetcher } from "./folder_fetcher.ts";
import { parentOf } from "./folder_place.ts";
import type { GetRequest } from "./peer_api.ts";
import { requireChecksum } from "./require_checksum.ts";
import { recordsOf, type RunningDownloads } from "./running_downloads.ts";
import type { Servable } from "./servable.ts";
import { takerFor } from "./taker_for.ts";
import type { TrustBook } from "./trust_book.ts";

const log = getLogger(["shoal", "peer", "fetcher"]);

/** What ends a background download whose content somebody asks for. */
export const TAKEN_OVER: Error = new DOMException("somebody asked for it", "AbortError");

export interface DiskFetchOptions {
  digests: DigestStore;
  cache: HashCache;
  /** The shared folder: absolute, free of links. */
  dir: string;
  /** Verifies and writes what arrives. */
  disk: Disk;
  /** Where unfinished downloads are kept. */
  downloads: DownloadStore;
  /** Whose announcements are taken. */
  trust: TrustBook;
  running: RunningDownloads;
  folders: FolderFetcher;
  /** Called when a download can be served while it grows; returns how to stop that. */
  onGrowing: (partial: Servable, target: Target) => () => void;
  /**
   * Called when a file or folder was put on disk, before its receipt is returned. Of a folder, `place`
   * has the path of its manifest, which is only lent, and `files` are those that are in it.
   */
  onFetched: (
    target: Target,
    name: string,
    place: SharePlace,
    files?: { path: string; id: string }[],
  ) => Promise<void>;
  /**
   * Called when a download that somebody waited for has failed. True when this peer goes on with it by
   * itself: then it is kept, however little of it there is.
   */
  onFailed: (id: string, error: unknown) => boolean;
}

/** Where a download's file goes. */
export type Place =
  & Pick<GetRequest, "name" | "output" | "overwrite" | "update" | "sha256" | "reuse">
  & {
    path: string;
    /** Looks once more, now that nobody else writes there: true when the file is there already. */
    isThere: () => Promise<boolean>;
  };

/** Fetches files to disk: a content at a time, each path by one. */
export class DiskFetch {
  readonly #options: DiskFetchOptions;
  /** What is being put on disk, by file id. */
  readonly #jobs = new Map<string, FetchJob>();
  /** Paths that are being written, as {@link foldName} has them. */
  readonly #writing = new Set<string>();
  /** Why downloads paused, by file id. */
  readonly #errors = new Map<string, string>();

  constructor(options: DiskFetchOptions) {
    this.#options = options;
  }

  /** What works on a content. */
  running(id: string): FetchJob | undefined {
    return this.#jobs.get(id);
  }

  /** Why the last work on a content ended, where it failed. */
  errorOf(id: string): string | undefined {
    return this.#errors.get(id);
  }

  /** Ends the work on a content, for the reason given, and waits until nothing is under way. */
  async end(id: string, reason: Fault): Promise<void> {
    const job = this.#jobs.get(id);
    job?.ending.abort(reason);
    await job?.ended;
  }

  /**
   * Fetches what there isn't of a target, and puts the whole in its place. False when it turned out to
   * be there already. Throws a `held` Fault when somebody else fetches it, or writes there.
   */
  async run(job: FetchJob, target: Target, place: Place, signal: AbortSignal): Promise<boolean> {
    const { name, output, path, sha256 } = place;
    const overwrite = place.overwrite === true || place.update === true;
    await this.claim(job, target.id, path);
    const { dir, cache, running } = this.#options;
    let stopServing: (() => void) | undefined;
    let lock: TargetLock | undefined;
    try {
      lock = TargetLock.take(path);
      if (await place.isThere()) return false;
      job.partial = PartialFile.open(
        { ...target, name, output: output && path, overwrite, sha256 },
        this.#options,
      );
      await this.lookAt(job, job.partial, signal);
      job.partial.sources = () => recordsOf(job.downloader?.sources ?? []);
      stopServing = this.#options.onGrowing(job.partial, target);
      const reuse = await this.#reuseFor(job, target, place, signal);
      await running.run(job, target, job.partial, { signal, reuse });
      job.phase = "finishing";
      await this.#confirm(job, target, { sha256, signal });
      if (isInside(dir, path)) await makeParents(dir, path);
      const mtime = target.entry?.mtime ?? target.announcement?.mtime ?? Date.now();
      const stamp = await job.partial.publish(path, { mtime, overwrite });
      if (target.entry) setAttributes(parentOf(path), [{ ...target.entry, path: baseOf(path) }]);
      cache.remember(path, target.id, stamp);
      await this.#options.onFetched(target, name, { path, stamp });
      return true;
    } catch (error) {
      await this.leave(job, target.id, error);
      throw error;
    } finally {
      lock?.[Symbol.dispose]();
      stopServing?.();
      this.release(target.id, [path]);
    }
  }

  /** A content is fetched once at a time, by who asked first; what nobody waits for makes way. */
  async claim(job: FetchJob, id: string, path: string): Promise<void> {
    const other = this.#jobs.get(id);
    if (other?.background && !job.background) {
      other.ending.abort(TAKEN_OVER);
      await other.ended;
    }
    if (this.#jobs.has(id) || this.#options.folders.isFetching(id)) {
      throw new Fault("held", `Cannot get ${job.name}: it is being fetched already`);
    }
    this.claimPath(path);
    this.#jobs.set(id, job);
    this.#errors.delete(id);
  }

  /** Each path is written by one. */
  claimPath(path: string): void {
    if (this.#writing.has(foldName(path))) {
      throw new Fault("held", `Cannot write ${path}: another download is writing it`);
    }
    this.#writing.add(foldName(path));
  }

  /** Takes claims back. */
  release(id: string, paths: string[]): void {
    this.#jobs.delete(id);
    for (const path of paths) this.#writing.delete(foldName(path));
  }

  /** Verifies what is there from before. Who asks for what was paused wants it to go on. */
  async lookAt(job: FetchJob, partial: PartialFile, signal: AbortSignal): Promise<void> {
    this.#unpause(job, partial.id);
    await this.#check(job, partial, signal);
  }

  /** Removes what is left of a content whose file is in its place, under its own name. */
  removeFor(id: string, path: string): void {
    const { downloads, dir } = this.#options;
    const known = this.#jobs.has(id) ? undefined : downloads.get(id);
    if (known && (known.output ?? pathOf(dir, known.name)) === path) this.remove(id);
  }

  /** Removes what there is of a content that is not whole. */
  remove(id: string): void {
    const { downloads, folders } = this.#options;
    const known = downloads.get(id);
    if (known?.announcement?.kind === "folder") folders.discard(known);
    downloads.remove(id);
    this.#errors.delete(id);
  }

  /** Who asks for what was paused wants it to go on; what nobody waits for stays paused. */
  #unpause({ name, background }: FetchJob, id: string): void {
    const { downloads } = this.#options;
    if (!downloads.get(id)?.paused) return;
    if (background) throw new Fault("usage", `Cannot get ${name}: it is paused`);
    downloads.pause(id, false);
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

  /** Verifies what is there from before. */
  async #check(job: FetchJob, partial: PartialFile, signal: AbortSignal): Promise<void> {
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

  /** How to take from files here what is missing; undefined when there are none. */
  async #reuseFor(
    job: FetchJob,
    { size }: Target,
    place: Place,
    signal: AbortSignal,
  ): Promise<Reuse | undefined> {
    const { cache, digests, disk } = this.#options;
    const partial = job.partial!;
    if (partial.map.complete) return;
    job.phase = "checking";
    const known = await localFiles({ size, named: place.reuse }, { cache, signal });
    job.phase = "connecting";
    const replaces = size > CHUNK_SIZE && fs.existsSync(place.path);
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
        const taker = takerFor(host, partial);
        const old = await replacedFile(place.path, { cache, signal, taker });
        if (old) files.set(old.id, old);
        job.phase = "connecting";
      }
      await reuseLocal(host, { files: [...files.values()], digests, copy });
    };
  }

  /** Keeps what there is of a download that failed; it is removed only if there is nothing. */
  async leave({ partial, background, refused }: FetchJob, id: string, error: unknown) {
    this.#errors.set(id, isAbort(error) ? "interrupted" : messageOf(error));
    const isEmpty = partial?.bytes === 0;
    await partial?.close().catch((failure) =>
      log.info("the last checkpoint failed: {why}", { why: messageOf(failure) })
    );
    if (refused) return this.remove(id);
    const paused = this.#options.downloads.get(id)?.paused;
    const goesOn = background || paused || this.#options.onFailed(id, error);
    if (!goesOn && (isEmpty || !partial && !this.#kept(id))) this.remove(id);
  }

  /** True when there is something of a content from before. */
  #kept(id: string): boolean {
    return (this.#options.downloads.get(id)?.map.count ?? 0) > 0;
  }
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Chunks in the runs that a partial has. */
function chunksOf({ map, size }: PartialFile): number {
  const last = map.runs - 1;
  const beyond = map.has(last) ? map.runs * RUN_CHUNKS - treeShape(size).chunks : 0;
  return map.count * RUN_CHUNKS - beyond;
}
