import fs from "node:fs";
import { Fault } from "../fault.ts";
import { fileFault, type FileStamp, stampOfPath } from "./file_stamp.ts";
import { publishFile } from "./publish_file.ts";

/** A download that is not whole yet: a file in the state folder, written at any position. */
export class PartialFile {
  readonly path: string;
  readonly #file: Deno.FsFile;
  #writing: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(path: string, file: Deno.FsFile) {
    this.path = path;
    this.#file = file;
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
      return new PartialFile(
        path,
        Deno.openSync(path, { read: true, write: true, createNew: true }),
      );
    } catch (cause) {
      throw cause instanceof Fault ? cause : fileFault(`Cannot write ${path}`, cause);
    }
  }

  /** Any run may be written at any time. */
  readonly horizon = Infinity;

  /**
   * Writes verified bytes at a position; they must not change until this resolves. Throws a `disk`
   * Fault. The runtime writes on another thread, but only where the file's one cursor stands: so one
   * write at a time, each after its own seek.
   */
  write(position: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const written = this.#writing.then(() => this.#write(position, bytes));
    this.#writing = written.catch(() => {});
    return written;
  }

  /**
   * Syncs the file and moves it to `destination`, with the given time of modification. Throws a
   * `destination` Fault when something stands there and `overwrite` is not set.
   */
  async publish(
    destination: string,
    { mtime, overwrite }: { mtime: number; overwrite: boolean },
  ): Promise<FileStamp> {
    let stamp: FileStamp;
    try {
      await this.#writing;
      await this.#file.sync();
      // By name, because futimes takes seconds as a fraction and so loses a millisecond.
      Deno.utimeSync(this.path, new Date(mtime), new Date(mtime));
      stamp = stampOfPath(this.path);
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

  async #write(position: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      await this.#file.seek(position, Deno.SeekMode.Start);
      while (bytes.length > 0) bytes = bytes.subarray(await this.#file.write(bytes));
    } catch (cause) {
      throw fileFault(`Cannot write ${this.path}`, cause);
    }
  }

  #close(): void {
    if (!this.#closed) this.#file.close();
    this.#closed = true;
  }
}

function requireSpace(folder: string, size: number): void {
  const { bavail, bsize } = fs.statfsSync(folder, { bigint: true });
  const free = bavail * bsize;
  if (free < BigInt(size)) {
    throw new Fault("disk", `Cannot fetch ${size} bytes: only ${free} are free in ${folder}`);
  }
}
