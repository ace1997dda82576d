import type { FileStamp } from "../../store/disk/file_stamp.ts";
import type { SharedReader } from "../../store/disk/shared_reader.ts";
import type { Servable } from "../../store/disk/servable.ts";

/** A whole file that was fetched and is served for a while, by itself or in a folder, without being shared. */
export class SeededFile implements Servable {
  readonly id: string;
  readonly size: number;
  readonly name: string;
  readonly counted?: Servable["counted"];
  readonly #path: string;
  readonly #stamp: FileStamp;
  readonly #reader: SharedReader;

  constructor(
    { id, size }: { id: string; size: number },
    { path, stamp, reader, counted }: Pick<Servable, "counted"> & {
      path: string;
      stamp: FileStamp;
      reader: SharedReader;
    },
  ) {
    this.id = id;
    this.size = size;
    this.name = path.split("/").pop()!;
    this.counted = counted;
    this.#path = path;
    this.#stamp = stamp;
    this.#reader = reader;
  }

  /** See {@link Servable}. */
  read(position: number, into: Uint8Array): boolean {
    return into.length === this.size
      ? this.#reader.readWhole(this.#path, this.#stamp, into)
      : this.#reader.read(this.#path, this.#stamp, position, into);
  }
}
