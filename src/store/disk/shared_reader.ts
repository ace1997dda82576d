import fs from "node:fs";
import { LruMap } from "../../async/lru_map.ts";
import { type FileStamp, openRegular, sameStamp, stampOf, stampOfInfo } from "./file_stamp.ts";
import { isSlow, patiently } from "./slow_disks.ts";
import { readFully } from "./read_fully.ts";

/** Most files open for serving at a time; the one used longest ago is closed for the next. */
const OPEN_FILES = 64;
/**
 * Time for which a file stays open after its last read, in milliseconds: a deleted file takes up
 * space while it is open, and on Windows no program can replace an open one. Opening one takes 12
 * µs.
 */
const IDLE_MS = 5_000;

interface OpenFile {
  fd: number;
  /** The stamp that it had when it was opened: at its path may be another file by now. */
  stamp: FileStamp;
  /** The time of its last read, by performance.now(). */
  used: number;
}

/** Reads shared files at any position, and notices when one is no longer what was shared. */
export class SharedReader {
  readonly #open = new LruMap<string, OpenFile>(OPEN_FILES, ({ fd }) => fs.closeSync(fd));
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * Fills `into` from `position`. False when the file changed, shrank, vanished or can't be read:
   * what was read must then not be served. A promise where its disk may hang.
   */
  read(
    path: string,
    stamp: FileStamp,
    position: number,
    into: Uint8Array,
  ): boolean | Promise<boolean> {
    if (isSlow(path)) return readSlow(path, { stamp, position, into });
    try {
      return this.#fill(this.#descriptor(path, stamp), { path, stamp, position, into }) ||
        this.#drop(path);
    } catch {
      return this.#drop(path);
    }
  }

  /** As {@link read}, from the beginning to the end of a file that is not kept open. */
  readWhole(path: string, stamp: FileStamp, into: Uint8Array): boolean | Promise<boolean> {
    if (isSlow(path)) return readSlow(path, { stamp, position: 0, into });
    let fd: number | undefined;
    try {
      fd = this.#openFile(path, stamp);
      return this.#fill(fd, { path, stamp, position: 0, into });
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
    for (const { fd } of this.#open.values()) fs.closeSync(fd);
    this.#open.clear();
    this.#stopTimer();
  }

  /**
   * The stamp is looked at after the read: what has it then was not changed before. By its path, which
   * takes a seventh of the time that it takes by descriptor; the file's number is in the stamp, so it
   * is the file that is open.
   */
  #fill(
    fd: number,
    { path, stamp, position, into }: {
      path: string;
      stamp: FileStamp;
      position: number;
      into: Uint8Array;
    },
  ): boolean {
    return readFully(fd, into, position) === into.length &&
      sameStamp(stampOfInfo(Deno.lstatSync(path)), stamp);
  }

  #descriptor(path: string, stamp: FileStamp): number {
    let file = this.#open.get(path);
    if (file && !sameStamp(file.stamp, stamp)) {
      this.#drop(path);
      file = undefined;
    }
    if (!file) {
      this.#open.set(path, file = { fd: this.#openFile(path, stamp), stamp, used: 0 });
      this.#startTimer();
    }
    file.used = performance.now();
    return file.fd;
  }

  /** Throws unless the file at `path` has the stamp. */
  #openFile(path: string, stamp: FileStamp): number {
    const fd = openRegular(path, "serve");
    if (sameStamp(stampOf(fd), stamp)) return fd;
    fs.closeSync(fd);
    throw new Error("it has changed");
  }

  #drop(path: string): false {
    const file = this.#open.peek(path);
    if (file) fs.closeSync(file.fd);
    this.#open.delete(path);
    return false;
  }

  #startTimer(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => {
      for (const [path, { used }] of [...this.#open]) {
        if (performance.now() - used >= IDLE_MS) this.#drop(path);
      }
      if (this.#open.size === 0) this.#stopTimer();
    }, IDLE_MS);
    Deno.unrefTimer(this.#timer);
  }

  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** As {@link SharedReader.read}, of a disk that may hang: with nothing kept open. */
async function readSlow(
  path: string,
  { stamp, position, into }: { stamp: FileStamp; position: number; into: Uint8Array },
): Promise<boolean> {
  // The call may end when `into` is another's by then.
  const bytes = new Uint8Array(into.length);
  const isSame = (info: Deno.FileInfo) => sameStamp(stampOfInfo(info), stamp);
  try {
    const right = await patiently(path, async () => {
      const { isFile, ...info } = await Deno.lstat(path);
      if (!isFile || !isSame({ ...info, isFile })) return false;
      using file = await Deno.open(path);
      if (!isSame(await file.stat())) return false;
      await file.seek(position, Deno.SeekMode.Start);
      let filled = 0;
      for (let n; filled < bytes.length && (n = await file.read(bytes.subarray(filled)));) {
        filled += n;
      }
      return filled === bytes.length && isSame(await Deno.lstat(path));
    });
    if (right) into.set(bytes);
    return right;
  } catch {
    return false;
  }
}
