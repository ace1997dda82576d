import fs from "node:fs";
import type { FileEntry, ManifestEntry } from "../content/manifest.ts";
import type { Kind } from "../wire/protocol.ts";
import { type FileStamp, mtimeOf, stampOfPath, writeFault } from "./file_stamp.ts";
import type { HashCache, Identified } from "./hash_cache.ts";
import { hashFile, type HashOptions, type HashTools } from "./hash_file.ts";
import { writeManifest } from "./manifest_file.ts";
import { type LeftOut, type TreeEntry, walkTree } from "./walk_tree.ts";

/** A folder as it was just seen. */
export interface DescribedFolder {
  /** What there is to announce of it; `id` and `size` are the manifest's. */
  content: {
    id: string;
    size: number;
    mtime: number;
    kind: Kind;
    entries: number;
    bytes: number;
  };
  /** Where the manifest lies, and its stamp. */
  place: { path: string; stamp: FileStamp; root: string };
  /** Where the files are that are in it. */
  files: { path: string; id: string }[];
  leftOut: LeftOut[];
  /** False when all files were known and unchanged. */
  hashed: boolean;
}

export interface FolderManifestsOptions extends HashTools {
  /** Where the manifests are kept: an absolute path. */
  folder: string;
  cache: HashCache;
}

/** The manifests of the folders that are shared, each in a file called by its id. */
export class FolderManifests {
  readonly #options: FolderManifestsOptions;

  constructor(options: FolderManifestsOptions) {
    this.#options = options;
  }

  /** Where the manifest of that id is kept. */
  pathOf(id: string): string {
    return `${this.#options.folder}/${id}`;
  }

  /**
   * Looks at all that is in the folder at `root`, hashes what is not known, and keeps its manifest.
   * Throws as walkTree and hashFile do.
   */
  async describe(root: string, options: HashOptions): Promise<DescribedFolder> {
    const { cache } = this.#options;
    const { entries: found, leftOut } = await walkTree(root, options.signal);
    const files = found.filter((entry) => entry.type === "file");
    const size = files.reduce((sum, { stamp }) => sum + stamp.size, 0);
    const known: Identified[] = [];
    let hashed = 0;
    const wanted = files.map(({ disk, stamp }) => ({ path: disk, stamp }));
    await cache.identifyAll(wanted, {
      signal: options.signal,
      onProgress: (part) => options.onProgress?.(hashed + part, size),
    }, (one) => {
      hashed += one.stamp.size;
      options.onProgress?.(hashed, size);
      known.push(one);
    });
    const contents = known.values();
    const entries = found.map((entry) => entryOf(entry, contents));
    const bytes = known.reduce((sum, { stamp }) => sum + stamp.size, 0);
    const manifest = await this.#keep({ entries, bytes }, options);
    return {
      content: {
        id: manifest.id,
        size: manifest.stamp.size,
        mtime: known.reduce((last, { stamp }) => Math.max(last, mtimeOf(stamp)), 0),
        kind: "folder",
        entries: entries.length,
        bytes,
      },
      place: { path: manifest.path, stamp: manifest.stamp, root },
      files: files.map(({ disk }, index) => ({ path: disk, id: known[index].id })),
      leftOut,
      hashed: known.some((one) => one.hashed),
    };
  }

  /** Takes over a manifest that was verified; its pages of digests are known. Returns its stamp. */
  adopt(id: string, source: string): FileStamp {
    const path = this.pathOf(id);
    this.#makeFolder();
    fs.copyFileSync(source, path);
    const stamp = stampOfPath(path);
    this.#options.cache.remember(path, id, stamp);
    return stamp;
  }

  /** Removes the manifests of folders that are no longer shared. */
  tidy(ids: Set<string>): void {
    const { folder } = this.#options;
    if (!fs.existsSync(folder)) return;
    for (const name of fs.readdirSync(folder)) {
      if (!ids.has(name)) fs.rmSync(`${folder}/${name}`, { force: true, recursive: true });
    }
  }

  async #keep(manifest: { entries: ManifestEntry[]; bytes: number }, options: HashOptions) {
    const { folder, cache } = this.#options;
    this.#makeFolder();
    const draft = `${folder}/${crypto.randomUUID()}`;
    try {
      await writeManifest(draft, manifest);
      const { id } = await hashFile(draft, this.#options, { signal: options.signal });
      const path = this.pathOf(id);
      const known = cache.lookup(path);
      if (!known || !isThere(path, known.stamp)) fs.renameSync(draft, path);
      const stamp = stampOfPath(path);
      cache.remember(path, id, stamp);
      return { id, path, stamp };
    } finally {
      fs.rmSync(draft, { force: true });
    }
  }

  #makeFolder(): void {
    const { folder } = this.#options;
    try {
      fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw writeFault(folder, cause);
    }
  }
}

function isThere(path: string, { size, mtimeNs }: FileStamp): boolean {
  const stat = fs.lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stat?.isFile() === true && Number(stat.size) === size && stat.mtimeNs === mtimeNs;
}

/** What a manifest says of an entry; a file's content is the next one of `contents`. */
function entryOf(entry: TreeEntry, contents: Iterator<Identified>): ManifestEntry {
  const { path, type } = entry;
  if (type === "folder") return { path, type };
  if (type === "link") return { path, target: entry.target, type };
  const { id, stamp } = contents.next().value!;
  const mode: FileEntry["mode"] = entry.executable ? "755" : "644";
  return { id, mode, mtime: mtimeOf(stamp), path, size: stamp.size, type };
}
