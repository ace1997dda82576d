import type { FolderManifests } from "../../store/shares/folder_manifests.ts";
import type { HashCache } from "../../store/hash/hash_cache.ts";
import type { Place } from "../../store/shares/library.ts";
import type { SharedReader } from "../../store/disk/shared_reader.ts";
import type { Announcements } from "../discovery/announcements.ts";
import type { Target } from "../target/target.ts";
import { type FileAt, WholeFile } from "../serve/whole_file.ts";
import type { ActiveDownloads } from "../serve/active_downloads.ts";
import type { Servable } from "../../store/disk/servable.ts";
import { serveFolder } from "../serve/serve_folder.ts";
import type { Sharing } from "./sharing.ts";

interface ReseederOptions {
  /** The contents that are served without being shared. */
  active: ActiveDownloads;
  reader: SharedReader;
  cache: HashCache;
  manifests: FolderManifests;
  sharing: Sharing;
  announced: Announcements;
}

/** Lets others have what this peer fetches, once it listens: while it grows, and when it is whole. */
export class Reseeder {
  readonly #options: ReseederOptions;
  /** The beginnings of downloads, by performance.now(). */
  readonly #begun = new WeakMap<Target, number>();
  #listens = false;
  #seeds = false;

  constructor(options: ReseederOptions) {
    this.#options = options;
  }

  /** From now on. With `seeds`, what is fetched and can't be shared is served for as long as it runs. */
  start({ seeds }: { seeds: boolean }): void {
    this.#listens = true;
    this.#seeds = seeds;
  }

  /** Serves the part of a download that is here, while it grows; returns how to stop that. */
  growing(partial: Servable, target: Target): () => void {
    this.#begun.set(target, performance.now());
    const { announcement } = target;
    if (!this.#listens) return () => {};
    const stops = [this.#options.active.add(partial)];
    if (announcement) stops.push(this.#options.announced.offer(announcement));
    return () => stops.forEach((stop) => stop());
  }

  /** As {@link growing}, for a large file of a folder, which is announced as a whole. */
  growingPart(partial: Servable): () => void {
    return this.#listens ? this.#options.active.add(partial) : () => {};
  }

  /** As {@link growing}, for a folder; `staged` finds those of its files that are here by their ids. */
  staging(
    target: Target,
    manifest: FileAt,
    staged: (id: string) => FileAt | undefined,
  ): () => void {
    this.#begun.set(target, performance.now());
    if (!this.#listens || !target.announcement) return () => {};
    const stop = this.#serveFolder(target, manifest, staged);
    const takeBack = this.#options.announced.offer(target.announcement);
    return () => {
      stop();
      takeBack();
    };
  }

  /** Shares what was put on disk, or else seeds it where that is wanted; `files` are a folder's. */
  async fetched(
    target: Target,
    name: string,
    place: Place,
    files?: { path: string; id: string }[],
  ): Promise<void> {
    const shared = await this.#options.sharing.adopt(target, name, place, {
      files,
      since: this.#begun.get(target),
    });
    if (shared || !this.#seeds) return;
    if (files) this.#seedFolder(target, place, files);
    else this.#seedFile(target, place);
    if (target.announcement) this.#options.announced.seed(target.announcement);
  }

  #seedFile(target: Target, { path, stamp }: Place): void {
    const { active, reader } = this.#options;
    active.add(new WholeFile({ id: target.id, size: target.size }, { path, stamp }, reader));
  }

  #seedFolder(target: Target, place: Place, files: { path: string; id: string }[]): void {
    const { manifests, cache } = this.#options;
    const paths = new Map(files.map(({ id, path }) => [id, path]));
    const manifest = {
      path: manifests.pathOf(target.id),
      stamp: manifests.adopt(target.id, place.path),
    };
    this.#serveFolder(target, manifest, (id) => {
      const path = paths.get(id);
      const known = path === undefined ? undefined : cache.lookup(path);
      return known && { path: path!, stamp: known.stamp };
    });
  }

  #serveFolder(
    target: Target,
    manifest: FileAt,
    find: (id: string) => FileAt | undefined,
  ): () => void {
    const { active, reader } = this.#options;
    return serveFolder(target, { manifest, find, active, reader });
  }
}
