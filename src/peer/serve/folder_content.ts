import type { FolderFile } from "../../store/shares/folder_files.ts";
import type { Share } from "../../store/shares/library.ts";
import type { SharedReader } from "../../store/disk/shared_reader.ts";
import type { Servable } from "../../store/disk/servable.ts";

/** A file in a shared folder, as what is served of it: all. */
export class FolderContent implements Servable {
  readonly share: Share;
  readonly id: string;
  readonly size: number;
  readonly #file: FolderFile;
  readonly #reader: SharedReader;

  /** `share` is the folder's. */
  constructor(file: FolderFile, share: Share, reader: SharedReader) {
    this.share = share;
    this.id = file.id;
    this.size = file.stamp.size;
    this.#file = file;
    this.#reader = reader;
  }

  get name(): string {
    return this.share.announcement.name;
  }

  /** The whole folder counts as one upload. */
  get counted(): { name: string; id: string; size: number } {
    const { name, id, bytes = 0 } = this.share.announcement;
    return { name, id, size: bytes };
  }

  read(position: number, into: Uint8Array): boolean {
    const { path, stamp } = this.#file;
    if (!this.share.available) return false;
    return into.length === this.size
      ? this.#reader.readWhole(path, stamp, into)
      : this.#reader.read(path, stamp, position, into);
  }
}
