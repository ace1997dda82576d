import fs from "node:fs";
import type { FileEntry, LinkEntry } from "../../content/manifest.ts";
import { Fault, inQuotes } from "../../fault.ts";
import { type Destination, Permit } from "../../trust/permit.ts";
import { fileFault, type FileStamp, stampOfPath, writeFault } from "../disk/file_stamp.ts";
import { copyFile } from "../disk/copy_file.ts";
import { type Rights, rightsOfNew, setRights } from "../disk/file_rights.ts";
import { isFolder } from "../disk/is_folder.ts";
import { removeTree } from "../disk/remove_tree.ts";
import { writeFully } from "../disk/write_fully.ts";
import { parentOf as parentOfPath } from "../../system/paths.ts";
import { syncFiles, syncFolders } from "./sync_tree.ts";

/**
 * A staging: a folder that is built out of sight, on the file system of its destination, which only
 * its owner can enter. Its content is not trusted when it is found later: it is hashed again.
 */
export class Staging {
  /** The tree: an absolute path. */
  readonly root: string;
  readonly #files = new Set<string>();
  readonly #folders = new Set<string>();
  /** The rights of a file that is made in it. */
  #rights: Rights | undefined;

  private constructor(root: string) {
    this.root = root;
  }

  /** The staging of that path, there from before or new. Throws a `disk` Fault. */
  static open(root: string): Staging {
    try {
      fs.mkdirSync(root, { recursive: true, mode: 0o700 });
      if (!fs.lstatSync(root).isDirectory()) throw new Error("it is not a folder");
      return new Staging(root);
    } catch (cause) {
      throw writeFault(root, cause);
    }
  }

  pathOf(path: string): string {
    return `${this.root}/${path}`;
  }

  /** A place in it, or all of it, where anything may be replaced and deleted. */
  at(path = ""): Destination {
    return { path: path ? this.pathOf(path) : this.root, permit: Permit.own };
  }

  /** Makes a folder, and those above it. */
  makeFolder(path: string): void {
    if (path === "" || this.#folders.has(path)) return;
    this.makeFolder(parentOf(path));
    this.#attempt(path, (at) => {
      const stat = fs.lstatSync(at, { throwIfNoEntry: false });
      if (stat?.isDirectory()) return;
      if (stat) fs.rmSync(at);
      fs.mkdirSync(at);
    });
    this.#folders.add(path);
  }

  /** Writes a file whose bytes were verified. Returns its stamp. */
  write(entry: FileEntry, bytes: Uint8Array): FileStamp {
    this.makeFolder(parentOf(entry.path));
    return this.#attempt(entry.path, (at) => {
      const fd = openNew(at, entry.mode === "755" ? 0o777 : 0o666);
      try {
        writeFully(fd, bytes, 0);
      } finally {
        fs.closeSync(fd);
      }
      return this.#date(entry, at);
    });
  }

  /** Copies the file at `source`, whose content is still to be verified. */
  async copy(entry: FileEntry, source: string): Promise<string> {
    this.makeFolder(parentOf(entry.path));
    const at = this.pathOf(entry.path);
    try {
      fs.rmSync(at, { force: true, recursive: true });
      await copyFile(source, at);
      return at;
    } catch (cause) {
      throw writeFault(at, cause);
    }
  }

  /** Gives a file that came here by other ways the time and mode that it should have. */
  settle(entry: FileEntry): FileStamp {
    return this.#attempt(entry.path, (at) => this.#settle(entry, at));
  }

  link({ path, target }: LinkEntry): void {
    this.makeFolder(parentOf(path));
    this.#attempt(path, (at) => {
      fs.rmSync(at, { force: true, recursive: true });
      fs.symlinkSync(target, at);
    });
  }

  /** Makes sure that all that was put here is on disk for good. Throws a `disk` Fault. */
  async sync(signal?: AbortSignal): Promise<void> {
    await syncFiles([...this.#files].map((path) => this.pathOf(path)), signal);
    await syncFolders([...this.#folders, ""].map((path) => this.pathOf(path)), signal);
  }

  /**
   * Makes the tree stand at `destination`, in one step: at most an empty folder gives way to it. False
   * when the folder there can't, since something is mounted on it. Throws a `destination` or `disk`
   * Fault.
   */
  publish(destination: string): boolean {
    try {
      if (Deno.build.os !== "windows") {
        setRights(this.root, rightsOfNew(parentOfPath(destination), "folder"));
      }
      fs.renameSync(this.root, destination);
      return true;
    } catch (cause) {
      fs.chmodSync(this.root, 0o700);
      const { code = "" } = cause as { code?: string };
      if (["EBUSY", "EXDEV"].includes(code) && isFolder(destination)) return false;
      if (["ENOTEMPTY", "EEXIST", "ENOTDIR"].includes(code)) {
        const why = "something stands there by now";
        throw new Fault("destination", `Cannot write ${inQuotes(destination)}: ${why}`, { cause });
      }
      throw fileFault(`Cannot write ${inQuotes(destination)}`, cause);
    }
  }

  remove(): void {
    removeTree(this.root);
  }

  #settle(entry: FileEntry, at: string): FileStamp {
    const { mode } = entry;
    if (Deno.build.os !== "windows") {
      this.#rights ??= rightsOfNew(this.root, "file");
      setRights(at, this.#rights, { executable: mode === "755" });
    }
    return this.#date(entry, at);
  }

  #date({ path, mtime }: FileEntry, at: string): FileStamp {
    Deno.utimeSync(at, new Date(mtime), new Date(mtime));
    this.#files.add(path);
    return stampOfPath(at);
  }

  #attempt<T>(path: string, work: (at: string) => T): T {
    const at = this.pathOf(path);
    try {
      return work(at);
    } catch (cause) {
      throw writeFault(at, cause);
    }
  }
}

/** Opens a file to be written from its beginning; what stands there by that name goes. */
function openNew(path: string, mode: number): number {
  try {
    return fs.openSync(path, "wx", mode);
  } catch (cause) {
    if ((cause as { code?: string }).code !== "EEXIST") throw cause;
    fs.rmSync(path, { recursive: true });
    return fs.openSync(path, "wx", mode);
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
