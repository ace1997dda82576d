import { Pool } from "../../async/pool.ts";
import { yieldToEventLoop } from "../../async/yield_to_event_loop.ts";
import type { FileEntry } from "../../content/manifest.ts";
import { contentId } from "../../content/sync_digest.ts";
import type { DigestStore } from "../../store/hash/digest_store.ts";
import type { DownloadStore } from "../../store/partial/download_store.ts";
import type { Disk } from "../../store/disk/disk.ts";
import { type FileStamp, lookAt, sameStamp, stampOfInfo } from "../../store/disk/file_stamp.ts";
import type { HashCache } from "../../store/hash/hash_cache.ts";
import { hashFile } from "../../store/hash/hash_file.ts";
import { bytesOf, PartialFile } from "../../store/partial/partial_file.ts";
import { partialPlace } from "../../store/partial/partial_place.ts";
import { isInside } from "../../system/paths.ts";
import type { Staging } from "../../store/tree/staging.ts";
import type { StateDatabase } from "../../store/state/state_database.ts";
import { PAYLOAD_CAP } from "../../wire/protocol.ts";
import { BatchFetcher, type FetchedFile } from "../download/batch_fetcher.ts";
import type { Budget } from "../download/budget.ts";
import { Downloader } from "../download/downloader.ts";
import { FolderTally } from "./folder_tally.ts";
import type { ListedPeer } from "../api/peer_api.ts";
import { finderOf } from "../download/find_sources.ts";
import { type LocalPeer, peerSources } from "../download/peer_source.ts";
import type { Swarm } from "../discovery/swarm.ts";
import type { FileAt } from "../serve/whole_file.ts";
import type { Reseeder } from "../share/reseeder.ts";
import type { FetchJob } from "../status/fetch_job.ts";
import type { RateHistory } from "../status/rate_history.ts";
import type { Claims } from "../target/claims.ts";
import { readRegular } from "../../system/open_regular.ts";

/** Large files that are fetched at a time. */
const LARGE_AT_ONCE = 3;
/** Files after which others get a turn. */
const YIELD_FILES = 64;
/** Places where a content is looked for on this machine. */
const COPIES_TRIED = 4;

export interface FolderContentsOptions {
  /** The shared folder: absolute, free of links. */
  dir: string;
  /** The folder; its files are fetched from its sources. */
  folder: { id: string; size: number };
  name: string;
  staging: Staging;
  /** The sources of the folder. */
  sources: ListedPeer[];
  job: FetchJob;
  signal: AbortSignal;
  swarm: Swarm;
  history: RateHistory;
  budget: Budget;
  self: LocalPeer;
  cache: HashCache;
  digests: DigestStore;
  db: StateDatabase;
  disk: Disk;
  downloads: DownloadStore;
  claims: Claims;
  reseeder: Reseeder;
}

/** Brings files of a folder into its staging: copied where this machine has them, else fetched. */
export class FolderContents {
  readonly tally: FolderTally;
  /** Of what was staged, by path. */
  readonly stamps = new Map<string, FileStamp>();
  readonly #options: FolderContentsOptions;
  /** The files of each content, by id. */
  readonly #wanted: Map<string, FileEntry[]>;
  #connected: () => number = () => 0;

  constructor(files: FileEntry[], options: FolderContentsOptions) {
    this.#options = options;
    this.tally = new FolderTally(options.job.transfer);
    this.#wanted = Map.groupBy(files, ({ id }) => id);
    options.job.transfer.sources = () => this.#connected();
  }

  /** The staged file of a content, if there is one. */
  staged(id: string): FileAt | undefined {
    const entry = this.#wanted.get(id)?.[0];
    const stamp = entry && this.stamps.get(entry.path);
    return stamp && { path: this.#options.staging.pathOf(entry.path), stamp };
  }

  /** Resolves when all files are staged. Throws as Downloader and BatchFetcher do. */
  async run(): Promise<void> {
    const contents = [...this.#wanted.values()].map(([first]) => first!);
    const left: FileEntry[] = [];
    for (const [index, file] of contents.entries()) {
      if (index % YIELD_FILES === 0) await yieldToEventLoop(this.#options.signal);
      if (!await this.#copy(file)) left.push(file);
    }
    await this.#fetchSmall(left.filter(({ size }) => size <= PAYLOAD_CAP));
    await this.#fetchLarge(left.filter(({ size }) => size > PAYLOAD_CAP));
  }

  /** Stages a content that this machine has; false when it has it no longer, or never had. */
  async #copy(file: FileEntry): Promise<boolean> {
    if (file.size === 0) return this.#putEmpty(file);
    const { cache, staging } = this.#options;
    for (const { path, stamp } of cache.pathsOf(file.id, COPIES_TRIED)) {
      if (isInside(staging.root, path)) continue;
      const now = lookAt(path);
      if (!now?.isFile || !sameStamp(stampOfInfo(now), stamp)) continue;
      if (await this.#copyFrom(path, file)) {
        this.tally.copied(file, this.#wanted.get(file.id)!.length);
        return true;
      }
    }
    return false;
  }

  async #copyFrom(path: string, file: FileEntry): Promise<boolean> {
    const { staging, signal } = this.#options;
    if (file.size <= PAYLOAD_CAP) {
      const bytes = bytesOfCopy(path);
      if (bytes?.length !== file.size || contentId(bytes).id !== file.id) return false;
      this.#put(file, bytes);
      return true;
    }
    const copy = await staging.copy(file, path);
    const { id } = await hashFile(copy, this.#options, { what: "compare", signal });
    if (id !== file.id) return false;
    await this.#settle(file);
    return true;
  }

  #putEmpty(file: FileEntry): true {
    this.#options.digests.put(file.id, 0, 0, new Uint8Array());
    this.#put(file, new Uint8Array());
    this.tally.copied(file, this.#wanted.get(file.id)!.length);
    return true;
  }

  /** Writes all files of a content. */
  #put({ id }: FileEntry, bytes: Uint8Array): void {
    for (const entry of this.#wanted.get(id)!) {
      this.stamps.set(entry.path, this.#options.staging.write(entry, bytes));
    }
  }

  async #fetchSmall(files: FileEntry[]): Promise<void> {
    const { folder, sources, self, signal, job, db, digests } = this.#options;
    const fetcher = new BatchFetcher({
      files,
      signal,
      waitMs: job.patience,
      limits: job.limits,
      book: self.lines?.book,
      sources: peerSources(folder, sources, self),
      find: finderOf(folder, { ...this.#options, listed: folder.id }),
      onFiles: (came: FetchedFile[]) => {
        db.transaction(() => {
          for (const { id, block } of came) digests.put(id, 0, 0, block);
        });
        for (const { id, bytes } of came) {
          const entries = this.#wanted.get(id)!;
          this.#put(entries[0]!, bytes);
          this.tally.fetched(entries[0]!, entries.length);
        }
        this.#add(came.reduce((sum, { size }) => sum + size, 0));
      },
    });
    this.#connected = () => fetcher.connected;
    try {
      await fetcher.run();
    } finally {
      for (const { receipt } of fetcher.sources) this.tally.account(receipt);
    }
  }

  async #fetchLarge(files: FileEntry[]): Promise<void> {
    const { claims, signal } = this.#options;
    const running = new Set<Downloader>();
    this.#connected = () => Math.max(0, ...[...running].map(({ connected }) => connected));
    const pool = new Pool(LARGE_AT_ONCE);
    try {
      for (const file of files) {
        await pool.add(async () => {
          const waited = await claims.claimPart(file.id, signal);
          try {
            // The download that it waited for may have put it on this machine.
            if (!waited || !await this.#copy(file)) await this.#fetchOne(file, running);
          } finally {
            claims.releasePart(file.id);
          }
        });
      }
    } finally {
      await pool.settled();
    }
  }

  async #fetchOne(file: FileEntry, running: Set<Downloader>): Promise<void> {
    const { staging, name, folder, signal, job: { transfer }, reseeder } = this.#options;
    const { id, size, path } = file;
    const { dir, downloads } = this.#options;
    // Beside the staging: what is in that becomes the folder.
    const place = partialPlace(id, staging.root, { dir, partials: downloads.folder() });
    const about = { overwrite: true, folder: folder.id, taken: "pinned" as const, place };
    const partial = PartialFile.open(
      { id, name: `${name}/${path}`, size, ...about },
      this.#options,
    );
    let chunks: number;
    const stopServing = reseeder.growingPart(partial);
    try {
      await partial.check({ signal });
      transfer.before += bytesOf(partial.map, size);
      const downloader = this.#downloader(file, partial);
      running.add(downloader);
      try {
        await downloader.run();
      } finally {
        running.delete(downloader);
        for (const { receipt } of downloader.sources) this.tally.account(receipt);
        this.tally.counts.refetchedChunks += downloader.tally.refetched;
        chunks = downloader.tally.fetched;
      }
      staging.makeFolder(path.slice(0, Math.max(0, path.lastIndexOf("/"))));
      await partial.publish(staging.at(path), { mtime: file.mtime });
    } catch (error) {
      await partial.close().catch(() => {});
      throw error;
    } finally {
      stopServing();
    }
    await this.#settle(file);
    this.tally.fetched(file, this.#wanted.get(id)!.length, chunks);
  }

  #downloader({ id, size }: FileEntry, sink: PartialFile): Downloader {
    const { folder, sources, self, digests, signal, budget, job } = this.#options;
    return new Downloader({
      id,
      size,
      sink,
      digests,
      signal,
      budget,
      waitMs: job.patience,
      limits: job.limits,
      peer: self.peer,
      book: self.lines?.book,
      sources: peerSources({ id, size }, sources, self),
      find: finderOf({ id, size }, { ...this.#options, listed: folder.id }),
      onBytes: (bytes) => this.#add(bytes),
    });
  }

  /** Gives a staged content its time and mode, and copies it to the other files that have it. */
  async #settle({ id }: FileEntry): Promise<void> {
    const { staging } = this.#options;
    const [first, ...others] = this.#wanted.get(id)!;
    if (!first) return;
    this.stamps.set(first.path, staging.settle(first));
    for (const other of others) {
      await staging.copy(other, staging.pathOf(first.path));
      this.stamps.set(other.path, staging.settle(other));
    }
  }

  #add(bytes: number): void {
    const { job, history } = this.#options;
    job.transfer.add(bytes);
    history.add("down", bytes);
  }
}

/** A small file that this machine has; undefined when it can't be read. */
function bytesOfCopy(path: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return readRegular(path, { cap: PAYLOAD_CAP });
  } catch {
    return undefined;
  }
}
