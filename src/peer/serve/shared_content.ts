import type { Share } from "../../store/shares/library.ts";
import type { SharedReader } from "../../store/disk/shared_reader.ts";
import type { Servable } from "../../store/disk/servable.ts";

/** A shared file as what is served of it: all. */
export class SharedContent implements Servable {
  readonly share: Share;
  readonly #reader: SharedReader;

  constructor(share: Share, reader: SharedReader) {
    this.share = share;
    this.#reader = reader;
  }

  get name(): string {
    return this.share.announcement.name;
  }

  get id(): string {
    return this.share.announcement.id;
  }

  get size(): number {
    return this.share.announcement.size;
  }

  /** A folder's manifest counts as a part of the folder. */
  get counted(): { name: string; id: string; size: number } | undefined {
    const { name, id, kind, bytes = 0 } = this.share.announcement;
    return kind === "folder" ? { name, id, size: bytes } : undefined;
  }

  read(position: number, into: Uint8Array): boolean {
    const { available, path, stamp } = this.share;
    return available && this.#reader.read(path, stamp, position, into);
  }
}
