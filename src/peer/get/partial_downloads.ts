import { getLogger } from "@logtape/logtape";
import { treeShape } from "../../content/hash_tree.ts";
import { PIECE_CHUNKS } from "../../content/piece_map.ts";
import { Fault, inQuotes, isAbort, messageOf } from "../../fault.ts";
import type { Download, DownloadStore } from "../../store/partial/download_store.ts";
import { bytesOf, type PartialFile } from "../../store/partial/partial_file.ts";
import { pathOf } from "../../content/safe_path.ts";
import type { Announcement } from "../../wire/protocol.ts";
import type { Claims } from "../target/claims.ts";
import type { FetchJob } from "../status/fetch_job.ts";
import type { Target } from "../target/target.ts";
import type { FolderFetcher } from "../folder/folder_fetcher.ts";

const log = getLogger(["shoal", "peer", "fetcher"]);

export interface PartialDownloadsOptions {
  /** The shared folder: absolute, free of links. */
  dir: string;
  /** The store of partial downloads. */
  downloads: DownloadStore;
  folders: FolderFetcher;
  claims: Claims;
  /**
   * Called when a download that the user waited for has failed. True when this peer resumes it by
   * itself: then it is kept, however little of it there is.
   */
  onFailed: (id: string, error: unknown) => boolean;
}

/** Verifies, keeps and removes partial downloads. */
export class PartialDownloads {
  readonly #options: PartialDownloadsOptions;
  /** Why downloads paused, by file id. */
  readonly #errors = new Map<string, string>();

  constructor(options: PartialDownloadsOptions) {
    this.#options = options;
  }

  /** The reason why the last work on a content failed, if it did. */
  errorOf(id: string): string | undefined {
    return this.#errors.get(id);
  }

  /** Work on a content has begun. */
  begin(id: string): void {
    this.#errors.delete(id);
  }

  /** Verifies what is there from before. Throws a `usage` Fault for what is to stay paused. */
  async lookAt(job: FetchJob, partial: PartialFile, signal: AbortSignal): Promise<void> {
    this.#unpause(job, partial.id);
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

  /** Removes the partial data of a content whose file is in its place, under its own name. */
  removeFor(id: string, path: string): void {
    const { claims, downloads } = this.#options;
    const known = claims.running(id) ? undefined : downloads.get(id);
    if (known && this.#pathOf(known) === path) this.remove(id);
  }

  /**
   * The downloads of older versions of a content to the same place, but for what is paused by request or
   * under way.
   */
  older({ announcement }: Pick<Target, "announcement">, path: string): Download[] {
    const { claims, downloads } = this.#options;
    return downloads.list().filter(({ id, announcement: older, paused, ...place }) =>
      announcement && older && isOlder(older, announcement) && !paused && !claims.running(id) &&
      this.#pathOf(place) === path
    );
  }

  /** True when a newer version of a download, to the same place, has taken its turn. */
  isSuperseded(download: Download): boolean {
    const path = this.#pathOf(download);
    return this.#options.downloads.list().some(({ announcement, ...place }) =>
      announcement && download.announcement && isOlder(download.announcement, announcement) &&
      this.#pathOf(place) === path
    );
  }

  /** Removes what was begun of {@link older} versions. Returns how much that was, in bytes. */
  removeOlder(target: Target, path: string): number {
    let bytes = 0;
    for (const { id, announcement, reached, map, size } of this.older(target, path)) {
      bytes += announcement?.kind === "folder" ? reached : bytesOf(map, size);
      this.remove(id);
    }
    return bytes;
  }

  #pathOf({ name, output }: Pick<Download, "name" | "output">): string {
    return output ?? pathOf(this.#options.dir, name);
  }

  /** Removes what there is of a content that is not whole. */
  remove(id: string): void {
    const { downloads, folders } = this.#options;
    const known = downloads.get(id);
    if (known?.announcement?.kind === "folder") folders.discard(known);
    downloads.remove(id);
    this.#errors.delete(id);
  }

  /** A request of the user resumes what was paused; what resumes by itself stays paused. */
  #unpause({ name, background }: FetchJob, id: string): void {
    const { downloads } = this.#options;
    if (!downloads.get(id)?.paused) return;
    if (background) throw new Fault("usage", `Cannot get ${inQuotes(name)}: it is paused`);
    downloads.pause(id, false);
  }

  /** True when there is something of a content from before. */
  #kept(id: string): boolean {
    return (this.#options.downloads.get(id)?.map.count ?? 0) > 0;
  }
}

function isOlder(one: Announcement, other: Announcement): boolean {
  return one.publisher === other.publisher && one.name === other.name && one.time < other.time;
}

/** Chunks in the pieces that a partial has. */
function chunksOf({ map, size }: PartialFile): number {
  const last = map.pieces - 1;
  const beyond = map.has(last) ? map.pieces * PIECE_CHUNKS - treeShape(size).chunks : 0;
  return map.count * PIECE_CHUNKS - beyond;
}
