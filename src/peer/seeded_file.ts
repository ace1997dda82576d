import type { FileStamp } from "../store/file_stamp.ts";
import type { SharedReader } from "../store/shared_reader.ts";
import type { Servable } from "./servable.ts";

/** A whole file that was fetched and is served for a while, without being shared. */
export class SeededFile implements Servable {
  readonly id: string;
  readonly size: number;
  readonly name: string;
  readonly #path: string;
  readonly #stamp: FileStamp;
  readonly #reader: SharedReader;

  constructor(
    { id, size }: { id: string; size: number },
    { path, stamp, reader }: { path: string; stamp: FileStamp; reader: SharedReader },
  ) {
    this.id = id;
    this.size = size;
    this.name = path.split("/").pop()!;
    this.#path = path;
    this.#stamp = stamp;
    this.#reader = reader;
  }

  /** See {@link Servable}. */
  read(position: number, into: Uint8Array): boolean {
    return this.#reader.read(this.#path, this.#stamp, position, into);
  }
}
