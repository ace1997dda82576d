import fs from "node:fs";
import { type FileStamp, sameStamp, stampOf } from "./file_stamp.ts";
import { READ } from "./open_flags.ts";
import { readFully } from "./read_fully.ts";
import { LruMap } from "../../async/lru_map.ts";

/** Most files open for serving at a time; the one used longest ago is closed for the next. */
const OPEN_FILES = 64;

/** Reads shared files at any position, and notices when one is no longer what was shared. */
export class SharedReader {
  readonly #open = new LruMap<string, number>(OPEN_FILES, (fd) => fs.closeSync(fd));

  /**
   * Fills `into` from `position`. False when the file changed, shrank, vanished or can't be read:
   * what was read must then not be served.
   */
  read(path: string, stamp: FileStamp, position: number, into: Uint8Array): boolean {
    try {
      return this.#fill(this.#descriptor(path), stamp, position, into) || this.#drop(path);
    } catch {
      return this.#drop(path);
    }
  }

  /** As {@link read}, from the beginning to the end of a file that is not kept open. */
  readWhole(path: string, stamp: FileStamp, into: Uint8Array): boolean {
    let fd: number | undefined;
    try {
      fd = fs.openSync(path, "r");
      return this.#fill(fd, stamp, 0, into);
    } catch {
      return false;
    } finally {
      if (fd !== undefined) fs.closeSync(fd);
    }
  }

  /** Closes a file that is shared no longer. */
  forget(path: string): void {
    this.#drop(path);
  }

  close(): void {
    for (const fd of this.#open.values()) fs.closeSync(fd);
    this.#open.clear();
  }

  #fill(fd: number, stamp: FileStamp, position: number, into: Uint8Array): boolean {
    if (readFully(fd, into, position) < into.length) return false;
    // Looked at after the read: what had this stamp then was not changed before it either.
    const now = stampOf(fd);
    return sameStamp(now, stamp) && !now.unlinked;
  }

  #descriptor(path: string): number {
    let fd = this.#open.get(path);
    if (fd === undefined) this.#open.set(path, fd = fs.openSync(path, READ));
    return fd;
  }

  #drop(path: string): false {
    const fd = this.#open.peek(path);
    if (fd !== undefined) fs.closeSync(fd);
    this.#open.delete(path);
    return false;
  }
}
