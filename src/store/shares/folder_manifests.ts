import fs from "node:fs";
import { Fault, inQuotes } from "../../fault.ts";
import { treeShape } from "../../content/hash_tree.ts";
import type { FileEntry, Manifest, ManifestEntry } from "../../content/manifest.ts";
import type { Kind } from "../../wire/protocol.ts";
import {
  type FileStamp,
  lookAt,
  mtimeOf,
  sameStamp,
  stampOfInfo,
  stampOfPath,
} from "../disk/file_stamp.ts";
import { isMissing, reasonOf } from "../../system/file_failure.ts";
import type { HashCache, Identified } from "../hash/hash_cache.ts";
import { hashFile, type HashOptions, type HashTools } from "../hash/hash_file.ts";
import { makeStatePart, namesInStatePart, removeFromStatePart } from "../state/state_part.ts";
import { idOfManifest, writeManifest } from "./manifest_file.ts";
import { type LeftOut, type TreeEntry, walkTree } from "../tree/walk_tree.ts";

/** A folder as it was just seen. */
export interface DescribedFolder {
  /**
   * The part of the announcement that depends on the content; `id` and `size` are the manifest's.
   */
  content: {
    id: string;
    size: number;
    mtime: number;
    kind: Kind;
    entries: number;
    bytes: number;
  };
  /** The place of the manifest, and its stamp. */
  place: { path: string; stamp: FileStamp; root: string };
  /** The places of the files in it. */
  files: { path: string; id: string }[];
  leftOut: LeftOut[];
  /** False when all files were known and unchanged. */
  hashed: boolean;
  /** Lets the manifest go: call it once the folder is in the library, or won't be. */
  release(): void;
}

/** A folder that is not shared, as its manifest describes it. */
interface IdentifiedFolder {
  /** The id that its manifest would have. */
  id: string;
  files: number;
  /** Chunks and bytes of its files. */
  chunks: number;
  bytes: number;
}

interface FolderManifestsOptions extends HashTools {
  /** The folder of the manifests: an absolute path. */
  folder: string;
  cache: HashCache;
}

/** The manifests of the folders that are shared, each in a file called by its id. */
export class FolderManifests {
  readonly #options: FolderManifestsOptions;
  /** Files in the folder that are in use, by name, and the number of their users. */
  readonly #held = new Map<string, number>();

  constructor(options: FolderManifestsOptions) {
    this.#options = options;
  }

  /** The path of the manifest of that id. */
  pathOf(id: string): string {
    return `${this.#options.folder}/${id}`;
  }

  /**
   * Looks at all that is in the folder at `root`, hashes what is not known, and keeps its manifest,
   * which {@link tidy} leaves alone until it is released. Throws as walkTree and hashFile do.
   */
  async describe(root: string, options: HashOptions): Promise<DescribedFolder> {
    const { files, known, leftOut, ...seen } = await this.#look(root, options);
    const manifest = await this.#keep(seen, options);
    return {
      content: {
        id: manifest.id,
        size: manifest.stamp.size,
        mtime: known.reduce((last, { stamp }) => Math.max(last, mtimeOf(stamp)), 0),
        kind: "folder",
        entries: seen.entries.length,
        bytes: seen.bytes,
      },
      place: { path: manifest.path, stamp: manifest.stamp, root },
      files: known.map(({ id }, index) => ({ path: files[index]!.disk, id })),
      leftOut,
      hashed: known.some((one) => one.hashed),
      release: manifest.release,
    };
  }

  /** The same without keeping the manifest: what there is to say of a folder that is not shared. */
  async identify(root: string, options: HashOptions): Promise<IdentifiedFolder> {
    const { known, entries, bytes, leftOut } = await this.#look(root, options);
    const unread = leftOut.find(({ failed }) => failed);
    if (unread) {
      throw new Fault("disk", `Cannot read ${inQuotes(`${root}/${unread.path}`)}: ${unread.why}`);
    }
    const id = await idOfManifest({ entries, bytes });
    const chunks = known.reduce((sum, { stamp }) => sum + treeShape(stamp.size).chunks, 0);
    return { id, files: known.length, chunks, bytes };
  }

  /** Takes over a manifest that was verified; its blocks of digests are known. Returns its stamp. */
  adopt(id: string, source: string): FileStamp {
    const path = this.pathOf(id);
    makeStatePart(this.#options.folder);
    fs.copyFileSync(source, path);
    const stamp = stampOfPath(path);
    this.#options.cache.remember(path, id, stamp);
    return stamp;
  }

  /** Removes the manifests of folders that are no longer shared, but for those that are being made. */
  tidy(ids: Set<string>): void {
    const { folder } = this.#options;
    const gone = namesInStatePart(folder).filter((name) => !ids.has(name) && !this.#held.has(name));
    removeFromStatePart(folder, gone);
  }

  async #look(root: string, options: HashOptions) {
    const { cache } = this.#options;
    const { entries: found, leftOut } = await walkTree(root, options.signal);
    const all = found.filter((entry) => entry.type === "file");
    const size = all.reduce((sum, { stamp }) => sum + stamp.size, 0);
    const known: Identified[] = [];
    const unread = new Set<TreeEntry>();
    let hashed = 0;
    let next = 0;
    const wanted = all.map(({ disk, stamp }) => ({ path: disk, stamp }));
    await cache.identifyAll(wanted, {
      signal: options.signal,
      onProgress: (part) => options.onProgress?.(hashed + part, size),
    }, (one) => {
      const entry = all[next++]!;
      hashed += entry.stamp.size;
      options.onProgress?.(hashed, size);
      if (!(one instanceof Fault)) return void known.push(one);
      unread.add(entry);
      // One that has just gone is not there.
      if (!isMissing(one.cause)) {
        leftOut.push({ path: entry.path, why: whyUnread(one), failed: true });
      }
    });
    const files = all.filter((entry) => !unread.has(entry));
    const contents = known.values();
    const entries = found.filter((entry) => !unread.has(entry))
      .map((entry) => entryOf(entry, contents));
    const bytes = known.reduce((sum, { stamp }) => sum + stamp.size, 0);
    return { files, known, entries, bytes, leftOut };
  }

  /** Nothing is written when the manifest is there. */
  async #keep(manifest: Manifest, options: HashOptions) {
    const { cache } = this.#options;
    const id = await idOfManifest(manifest);
    const path = this.pathOf(id);
    const release = this.#hold(id);
    try {
      const known = cache.lookup(path);
      if (known?.id === id && isThere(path, known.stamp)) {
        return { id, path, stamp: known.stamp, release };
      }
      const read = Date.now();
      await this.#write(path, manifest, options);
      const stamp = stampOfPath(path);
      cache.remember(path, id, stamp, read);
      return { id, path, stamp, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Puts a manifest in its place, with its hash tree known. */
  async #write(path: string, manifest: Manifest, { signal }: HashOptions): Promise<void> {
    const { folder } = this.#options;
    makeStatePart(folder);
    const name = crypto.randomUUID();
    const draft = `${folder}/${name}`;
    const release = this.#hold(name);
    try {
      await writeManifest(draft, manifest);
      await hashFile(draft, this.#options, { signal });
      fs.renameSync(draft, path);
    } finally {
      fs.rmSync(draft, { force: true });
      release();
    }
  }

  /** Keeps a file of the folder from being tidied away. Returns how to let it go, once. */
  #hold(name: string): () => void {
    this.#held.set(name, (this.#held.get(name) ?? 0) + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const left = this.#held.get(name)! - 1;
      if (left > 0) this.#held.set(name, left);
      else this.#held.delete(name);
    };
  }
}

function whyUnread({ cause }: Fault): string {
  return cause === undefined ? "it keeps changing while it is read" : reasonOf(cause);
}

function isThere(path: string, stamp: FileStamp): boolean {
  const now = lookAt(path);
  return now?.isFile === true && sameStamp(stampOfInfo(now), stamp);
}

/** The manifest's entry for an entry on disk; a file's content is the next one of `contents`. */
function entryOf(entry: TreeEntry, contents: Iterator<Identified>): ManifestEntry {
  const { path, type } = entry;
  if (type === "folder") return { path, type };
  if (type === "link") return { path, target: entry.target, type };
  const { id, stamp } = contents.next().value!;
  const mode: FileEntry["mode"] = entry.executable ? "755" : "644";
  return { id, mode, mtime: mtimeOf(stamp), path, size: stamp.size, type };
}
