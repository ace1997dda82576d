import { Fault, inQuotes } from "../../fault.ts";
import { CHUNK_SIZE } from "../../content/sizes.ts";
import { PIECE_SIZE } from "../../content/piece_map.ts";
import type { FolderFile, FolderFiles } from "../../store/shares/folder_files.ts";
import type { Library, Share } from "../../store/shares/library.ts";
import type { PartialFile } from "../../store/partial/partial_file.ts";
import { givenName, safeName } from "../../content/safe_path.ts";
import { isWhole } from "../../trust/choose_offer.ts";
import type { SharedReader } from "../../store/disk/shared_reader.ts";
import type { Fetcher, StreamOptions } from "./fetcher.ts";
import { isFolder, partNamed } from "../target/find_folder.ts";
import type { ContentRequest, OpenedFile } from "../api/ui_api.ts";
import type { Kind } from "../../wire/protocol.ts";
import type { StreamRequest } from "../api/peer_api.ts";
import type { Sharing } from "../share/sharing.ts";
import { Condition } from "../../async/condition.ts";

/** Bytes read from disk at a time. */
const BLOCK_SIZE = 256 << 10;
/** Runs that a download under way fetches before others for a reader: what `get -o -` holds, too. */
const AHEAD = 64;
/** The pause between two looks whether a download has begun, after its check: milliseconds. */
const LOOK_EVERY_MS = 500;

interface FileOpenerOptions {
  library: Library;
  /** The files in the folders that are shared. */
  folderFiles: FolderFiles;
  sharing: Sharing;
  reader: SharedReader;
  fetcher: Fetcher;
  /** Fetches in order, counted as this peer's. */
  stream: (
    request: StreamRequest,
    output: WritableStream<Uint8Array>,
    options: StreamOptions,
  ) => Promise<unknown>;
}

interface Content {
  id: string;
  /** The publisher that was asked for with it. */
  publisher?: string;
  size: number;
  /** Default a file. */
  kind?: Kind;
  /** The folder that it was found in. */
  in?: StreamOptions["in"];
}

type Running = NonNullable<ReturnType<Fetcher["running"]>>;

/**
 * Opens files of the swarm for reading at any position: from a share on disk, from a download as it
 * grows, or from others. All bytes are verified.
 */
export class FileOpener {
  readonly #options: FileOpenerOptions;

  constructor(options: FileOpenerOptions) {
    this.#options = options;
  }

  /** See UiApi.open. */
  async open(
    request: ContentRequest,
    signal: AbortSignal,
  ): Promise<OpenedFile> {
    const { publisher } = request;
    const name = safeName(givenName(request.name));
    const { id, size, kind, in: place } = this.#here({ ...request, name }) ??
      await this.#there({ ...request, name }, signal);
    if (kind === "folder") {
      throw new Fault(
        "usage",
        `Cannot open ${inQuotes(name)}: it is a folder; fetch it, or open a file in it`,
      );
    }
    const content = { name, id, publisher, size, in: place };
    return {
      name,
      id,
      size,
      read: (from, end, signal) => this.#read(content, from, end, signal),
    };
  }

  async #there(request: ContentRequest, signal: AbortSignal): Promise<Content> {
    const { fetcher } = this.#options;
    const target = await fetcher.finder.find(request, signal);
    const { id, size, announcement } = target;
    if (!isFolder(target) || partNamed(target, request.name) === "") {
      return { id, size, kind: announcement?.kind };
    }
    const part = await fetcher.look(request, target, signal);
    if (part.kind === "folder") return { id, size, kind: "folder" };
    const { entry } = part;
    return { id: entry.id, size: entry.size, in: { folder: target, entry } };
  }

  /** A share or a download of this peer's own that is meant. */
  #here({ name, id = "", publisher = "" }: ContentRequest): Content | undefined {
    const { library, sharing, fetcher } = this.#options;
    const named = library.get(name)?.announcement;
    const share = named?.id.startsWith(id)
      ? sharing.present(named.id)
      : isWhole(id)
      ? sharing.present(id)
      : undefined;
    if (share?.announcement.publisher.startsWith(publisher)) return share.announcement;
    if (publisher) return;
    const file = this.#inOwnFolder(name);
    if (file?.id.startsWith(id)) return { id: file.id, size: file.stamp.size };
    const active = fetcher.partials.list().filter((one) =>
      one.state === "active" && one.name === name && one.id.startsWith(id)
    );
    return active.length === 1 ? active[0] : undefined;
  }

  /** A file in a folder that this peer shares. */
  #inOwnFolder(name: string): FolderFile | undefined {
    const { library, folderFiles } = this.#options;
    for (let at = name.lastIndexOf("/"); at > 0; at = name.lastIndexOf("/", at - 1)) {
      const share = library.get(name.slice(0, at));
      if (!share?.root || !share.available) continue;
      return folderFiles.at(name.slice(0, at), `${share.root}/${name.slice(at + 1)}`);
    }
  }

  /** The place of a complete content: a share, or a file in one. */
  #whole(id: string): Pick<FolderFile, "path" | "stamp"> | undefined {
    const { library, folderFiles, sharing } = this.#options;
    return sharing.present(id) ??
      folderFiles.withId(id).find(({ folder }) => library.get(folder)?.available);
  }

  /** Goes from one place to the next as a download begins, ends and becomes a share. */
  async *#read(
    content: Content & { name: string },
    from: number,
    end: number,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const { fetcher } = this.#options;
    for (let position = from; position < end || content.size === 0;) {
      signal.throwIfAborted();
      const before = position;
      const share = this.#whole(content.id);
      const running = share ? undefined : fetcher.running(content.id);
      const local = share
        ? this.#fromShare(share, position, end)
        : running?.partial
        ? this.#fromPartial(running, running.partial, { position, end, signal })
        : [];
      for await (const bytes of local) {
        position += bytes.length;
        yield bytes;
      }
      if (share && content.size === 0) return;
      if (position > before) continue;
      return yield* this.#fromSwarm(content, position, end, signal);
    }
  }

  /** Ends early when the file is no longer what was shared. */
  async *#fromShare(
    { path, stamp }: Pick<Share, "path" | "stamp">,
    from: number,
    end: number,
  ): AsyncGenerator<Uint8Array> {
    for (let position = from; position < end;) {
      const bytes = new Uint8Array(Math.min(BLOCK_SIZE, end - position));
      if (!await this.#options.reader.read(path, stamp, position, bytes)) return;
      position += bytes.length;
      yield bytes;
    }
  }

  /** Waits for what comes; what is next is fetched first. Ends early when the download ends. */
  async *#fromPartial(
    running: Running,
    partial: PartialFile,
    { position, end, signal }: { position: number; end: number; signal: AbortSignal },
  ): AsyncGenerator<Uint8Array> {
    const reader = {};
    let ended = false;
    const changed = new Condition();
    void running.ended.then(() => {
      ended = true;
      changed.notifyAll();
    });
    const stopHearing = partial.map.onAdded(() => changed.notifyAll());
    try {
      while (position < end) {
        const piece = Math.floor(position / PIECE_SIZE);
        const last = Math.min(piece + AHEAD, Math.ceil(end / PIECE_SIZE));
        running.downloader?.prefer(reader, { first: piece, end: last });
        if (partial.map.has(piece)) {
          const most = Math.min(BLOCK_SIZE, end - position, (piece + 1) * PIECE_SIZE - position);
          const bytes = new Uint8Array(most);
          if (!partial.read(position, bytes)) return;
          position += bytes.length;
          yield bytes;
          continue;
        }
        if (ended) return;
        await changed.waitFor(LOOK_EVERY_MS, signal);
      }
    } finally {
      stopHearing();
      running.downloader?.prefer(reader, undefined);
    }
  }

  async *#fromSwarm(
    { name, id, publisher, size, in: place }: Content & { name: string },
    from: number,
    end: number,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const gone = new AbortController();
    const first = Math.floor(from / CHUNK_SIZE);
    const range = { first, count: Math.ceil(end / CHUNK_SIZE) - first };
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const streaming = this.#options.stream({ name, id, publisher }, writable, {
      in: place,
      signal: AbortSignal.any([signal, gone.signal]),
      range: size === 0 ? undefined : range,
    });
    // Its reader hears of the same failure.
    streaming.catch(() => {});
    try {
      let position = first * CHUNK_SIZE;
      for await (const bytes of readable) {
        const part = bytes.subarray(Math.max(0, from - position), end - position);
        position += bytes.length;
        if (part.length > 0) yield part;
      }
      await streaming;
    } finally {
      gone.abort(new DOMException("the reader went away", "AbortError"));
    }
  }
}
