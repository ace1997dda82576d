import fs from "node:fs";
import type { Download, DownloadStore } from "../../store/partial/download_store.ts";
import { partialPlace } from "../../store/partial/partial_place.ts";
import { Staging } from "../../store/tree/staging.ts";
import { placeOf } from "../target/folder_place.ts";

interface FolderStagingsOptions {
  /** The shared folder: absolute, free of links. */
  dir: string;
  downloads: DownloadStore;
}

/** The stagings of folders: each on the file system of its destination. */
export class FolderStagings {
  readonly #options: FolderStagingsOptions;

  constructor(options: FolderStagingsOptions) {
    this.#options = options;
  }

  /** That of a folder which goes to `path`, with what an earlier try left. */
  open(id: string, path: string): Staging {
    return Staging.open(this.#rootOf(id, path));
  }

  /** Uses what was staged of an older version, where nothing is staged of this one. */
  inherit(id: string, older: string, path: string): void {
    const [root, from] = [this.#rootOf(id, path), this.#rootOf(older, path)];
    if (!fs.existsSync(root) && fs.existsSync(from)) fs.renameSync(from, root);
  }

  /** True when something of a folder is staged. */
  begun(id: string): boolean {
    return fs.existsSync(this.#options.downloads.treeOf(id));
  }

  /** Removes what is staged of an unfinished folder. */
  discard({ id, name, output }: Download): void {
    const path = placeOf({ name, output }, this.#options.dir);
    for (const near of [path, `${path}/.`]) {
      const root = this.#rootOf(id, near);
      if (fs.existsSync(root)) Staging.open(root).remove();
    }
  }

  #rootOf(id: string, path: string): string {
    const { dir, downloads } = this.#options;
    return partialPlace(id, path, { dir, partials: downloads.folder() }) ?? downloads.treeOf(id);
  }
}
