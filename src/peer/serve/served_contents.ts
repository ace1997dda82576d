import { blockLength, treeShape } from "../../content/hash_tree.ts";
import type { DigestStore } from "../../store/hash/digest_store.ts";
import type { FolderFiles } from "../../store/shares/folder_files.ts";
import type { Library, Share } from "../../store/shares/library.ts";
import type { SharedReader } from "../../store/disk/shared_reader.ts";
import { Refused } from "../../wire/answerer.ts";
import { ActiveDownloads } from "./active_downloads.ts";
import type { Servable } from "../../store/disk/servable.ts";
import { WholeFile } from "./whole_file.ts";

/** A peer that is served. */
export interface Served {
  /** Its address, as HOST:PORT. */
  to: string;
  /** The peer id that it says it has; undefined for one that said none. */
  peer?: string;
}

export interface ServedContentsOptions {
  library: Library;
  digests: DigestStore;
  reader: SharedReader;
  /** Files in shared folders. Default none. */
  folderFiles?: FolderFiles;
  /** Served as far as they are. Default none. */
  downloads?: ActiveDownloads;
  /** Called for each part that is about to be sent; `share` is what it is of, unless a download. */
  onServed: (
    content: Pick<Servable, "name" | "id" | "size">,
    bytes: number,
    receiver: Served,
    share?: Share,
  ) => void;
  /** Called when a shared file is found changed or gone. */
  onChanged: (share: Share) => void;
}

/** A content that was looked up. */
export interface FoundContent {
  content: Servable;
  /** The file or folder that it is shared as; undefined for a download. */
  share?: Share;
}

/** The contents that this peer can be asked for: what the library holds, and of downloads under way what they have. */
export class ServedContents {
  readonly #options: ServedContentsOptions;
  readonly #downloads: ActiveDownloads;

  constructor(options: ServedContentsOptions) {
    this.#options = options;
    this.#downloads = options.downloads ?? new ActiveDownloads();
  }

  /** The share of that name, where it is available. */
  named(name: string): FoundContent | undefined {
    const share = this.#options.library.get(name);
    return share?.available ? this.#ofShare(share) : undefined;
  }

  /** The content with that file id: a share, a download, or a file in a shared folder. */
  find(file: string): FoundContent | undefined {
    const { library, reader, folderFiles } = this.#options;
    const share = library.withId(file);
    if (share) return this.#ofShare(share);
    const growing = this.#downloads.get(file);
    if (growing) return { content: growing };
    for (const found of folderFiles?.withId(file) ?? []) {
      const folder = library.get(found.folder);
      if (!folder?.available) continue;
      const { name, id, bytes = 0 } = folder.announcement;
      // The whole folder counts as one upload.
      const counted = { name, id, size: bytes };
      const about = { id: file, size: found.stamp.size, name, counted };
      return { content: new WholeFile(about, found, reader), share: folder };
    }
  }

  #ofShare(share: Share): FoundContent {
    const { name, id, size, kind, bytes = 0 } = share.announcement;
    // A folder's manifest counts as a part of the folder.
    const counted = kind === "folder" ? { name, id, size: bytes } : undefined;
    return {
      content: new WholeFile({ id, size, name, counted }, share, this.#options.reader),
      share,
    };
  }

  /** A digest block of a content. Throws Refused where there is none. */
  block({ content }: FoundContent, level: number, block: number): Uint8Array {
    if (blockLength(treeShape(content.size), level, block) < 0) {
      throw new Refused("out_of_range", "the hash tree has no such block");
    }
    const bytes = this.#options.digests.block(content.id, level, block);
    if (bytes) return bytes;
    if (content.map) throw new Refused("not_yet", "the block of digests is not here yet");
    throw new Refused("unreadable", "the block of digests is missing here");
  }

  /** Fills `into` from a content, and counts it. Throws Refused when it is no longer what it was. */
  async read(
    { content, share }: FoundContent,
    position: number,
    into: Uint8Array,
    receiver: Served,
  ): Promise<void> {
    const { onChanged, onServed } = this.#options;
    const read = content.read(position, into);
    if (!(typeof read === "boolean" ? read : await read)) {
      if (!share) throw new Refused("unreadable", "the download can't be read");
      onChanged(share);
      throw new Refused("changed", "the file changed since it was shared");
    }
    const { counted } = content;
    if (!counted) return onServed(content, into.length, receiver, share);
    onServed(counted, into.length, { ...receiver, to: hostOf(receiver.to) }, share);
  }

  /** As {@link read}, for a whole file; false when it is no longer what it was. */
  async tryRead(found: FoundContent, into: Uint8Array, receiver: Served): Promise<boolean> {
    try {
      await this.read(found, 0, into, receiver);
      return true;
    } catch (error) {
      if (error instanceof Refused) return false;
      throw error;
    }
  }
}

/** A folder is fetched over several connections. */
function hostOf(address: string): string {
  return address.replace(/:\d+$/, "");
}
