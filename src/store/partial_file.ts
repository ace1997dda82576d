import fs from "node:fs";
import { Fault } from "../fault.ts";
import { fileFault, type FileStamp, stampOf } from "./file_stamp.ts";
import { publishFile } from "./publish_file.ts";

/** A download that is not whole yet: a file in the state folder, written at any position. */
export class PartialFile {
  readonly path: string;
  #fd: number | undefined;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  /**
   * Creates the partial of a file of `size` bytes in `folder`, which is made if need be. Throws a
   * `disk` Fault when there isn't room for it.
   */
  static create(folder: string, id: string, size: number): PartialFile {
    const path = `${folder}/${id.slice(0, 16)}-${crypto.randomUUID().slice(0, 8)}.part`;
    try {
      fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
      requireSpace(folder, size);
      return new PartialFile(path, fs.openSync(path, "wx+"));
    } catch (cause) {
      throw cause instanceof Fault ? cause : fileFault(`Cannot write ${path}`, cause);
    }
  }

  /** Any run may be written at any time. */
  readonly horizon = Infinity;

  /** Writes verified bytes at a position. Throws a `disk` Fault. */
  write(position: number, bytes: Uint8Array): void {
    try {
      for (let done = 0; done < bytes.length;) {
        done += fs.writeSync(this.#open(), bytes, done, bytes.length - done, position + done);
      }
    } catch (cause) {
      throw fileFault(`Cannot write ${this.path}`, cause);
    }
  }

  /**
   * Syncs the file and moves it to `destination`, with the given time of modification. Throws a
   * `destination` Fault when something stands there and `overwrite` is not set.
   */
  async publish(
    destination: string,
    { mtime, overwrite }: { mtime: number; overwrite: boolean },
  ): Promise<FileStamp> {
    const fd = this.#open();
    let stamp: FileStamp;
    try {
      await new Promise<void>((resolve, reject) =>
        fs.fsync(fd, (error) => error ? reject(error) : resolve())
      );
      // By name, because futimes takes seconds as a fraction and so loses a millisecond.
      Deno.utimeSync(this.path, new Date(mtime), new Date(mtime));
      stamp = stampOf(fd);
    } catch (cause) {
      throw fileFault(`Cannot write ${this.path}`, cause);
    }
    this.#close();
    return await publishFile(this.path, destination, overwrite) ?? stamp;
  }

  /** Removes the partial; does nothing once it was published. */
  discard(): void {
    this.#close();
    fs.rmSync(this.path, { force: true });
  }

  #open(): number {
    if (this.#fd === undefined) throw new Error(`${this.path} is closed`);
    return this.#fd;
  }

  #close(): void {
    if (this.#fd !== undefined) fs.closeSync(this.#fd);
    this.#fd = undefined;
  }
}

function requireSpace(folder: string, size: number): void {
  const { bavail, bsize } = fs.statfsSync(folder, { bigint: true });
  const free = bavail * bsize;
  if (free < BigInt(size)) {
    throw new Fault("disk", `Cannot fetch ${size} bytes: only ${free} are free in ${folder}`);
  }
}
