import type { FileStamp } from "../../store/disk/file_stamp.ts";
import type { Servable } from "../../store/disk/servable.ts";
import type { SharedReader } from "../../store/disk/shared_reader.ts";

/** A file on disk, and what it must look like to have its content. */
export interface FileAt {
  /** Absolute. */
  path: string;
  stamp: FileStamp;
}

/** A whole file that is served: a share, a file in a shared folder, or one that was fetched. */
export class WholeFile implements Servable {
  readonly id: string;
  readonly size: number;
  readonly name: string;
  readonly counted?: Servable["counted"];
  readonly #file: FileAt;
  readonly #reader: SharedReader;

  /** `name` is by default the last part of the path. */
  constructor(
    { id, size, name, counted }: Pick<Servable, "id" | "size" | "counted"> & { name?: string },
    file: FileAt,
    reader: SharedReader,
  ) {
    this.id = id;
    this.size = size;
    this.name = name ?? file.path.split("/").pop()!;
    this.counted = counted;
    this.#file = file;
    this.#reader = reader;
  }

  /** See {@link Servable}. */
  read(position: number, into: Uint8Array): boolean | Promise<boolean> {
    const { path, stamp } = this.#file;
    return into.length === this.size
      ? this.#reader.readWhole(path, stamp, into)
      : this.#reader.read(path, stamp, position, into);
  }
}
