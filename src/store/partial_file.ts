import fs from "node:fs";
import { badChunks, goodStretches } from "../content/bad_chunks.ts";
import { digestChunks } from "../content/digest.ts";
import { Fault } from "../fault.ts";
import type { Payload, Sink } from "../peer/sink.ts";
import { CHUNK_SIZE } from "../wire/protocol.ts";
import type { Disk, Stored } from "./disk.ts";
import { type FileStamp, stampOfPath, writeFault } from "./file_stamp.ts";
import { publishFile } from "./publish_file.ts";
import { writeFully } from "./write_fully.ts";

/** Files up to this size, in bytes, are not worth a thread. */
const SMALL = 1 << 20;

/** A download that is not whole yet: a file in the state folder, written at any position. */
export class PartialFile implements Sink {
  readonly path: string;
  readonly #disk: Disk;
  readonly #small: boolean;

  private constructor(path: string, disk: Disk, small: boolean) {
    this.path = path;
    this.#disk = disk;
    this.#small = small;
  }

  /**
   * Creates the partial of a file of `size` bytes in `folder`, which is made if need be. Throws a
   * `disk` Fault when there isn't room for it.
   */
  static create(folder: string, { id, size }: { id: string; size: number }, disk: Disk) {
    const path = `${folder}/${id.slice(0, 16)}-${crypto.randomUUID().slice(0, 8)}.part`;
    try {
      fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
      requireSpace(folder, size);
      fs.closeSync(fs.openSync(path, "wx"));
      if (size > SMALL) disk.start();
      return new PartialFile(path, disk, size <= SMALL);
    } catch (cause) {
      throw writeFault(path, cause);
    }
  }

  /** Any run may be written at any time. */
  readonly horizon = Infinity;

  /** See {@link Sink}. */
  async store(position: number, payload: Payload): Promise<Stored> {
    if (!this.#small) return await this.#disk.store(this.path, position, payload);
    const bytes = new Uint8Array(payload.buffer, 0, payload.length);
    const bad = badChunks(await digestChunks(bytes), payload.expected);
    try {
      const fd = fs.openSync(this.path, "r+");
      try {
        for (const [from, to] of goodStretches(bytes.length, bad, CHUNK_SIZE)) {
          writeFully(fd, bytes.subarray(from, to), position + from);
        }
      } finally {
        fs.closeSync(fd);
      }
    } catch (cause) {
      throw writeFault(this.path, cause);
    }
    return { bad, buffer: payload.buffer };
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
      await this.#disk.close(this.path);
      using file = await Deno.open(this.path, { write: true });
      await file.sync();
      // By name, because futimes takes seconds as a fraction and so loses a millisecond.
      Deno.utimeSync(this.path, new Date(mtime), new Date(mtime));
      stamp = stampOfPath(this.path);
    } catch (cause) {
      throw writeFault(this.path, cause);
    }
    return await publishFile(this.path, destination, overwrite) ?? stamp;
  }

  /** Removes the partial; does nothing once it was published. */
  async discard(): Promise<void> {
    // What can't be closed is removed all the same.
    await this.#disk.close(this.path).catch(() => {});
    fs.rmSync(this.path, { force: true });
  }
}

function requireSpace(folder: string, size: number): void {
  const { bavail, bsize } = fs.statfsSync(folder, { bigint: true });
  const free = bavail * bsize;
  if (free < BigInt(size)) {
    throw new Fault("disk", `Cannot fetch ${size} bytes: only ${free} are free in ${folder}`);
  }
}
