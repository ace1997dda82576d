import { pageLength, runLength, treeShape } from "../content/hash_tree.ts";
import type { DigestStore } from "../store/digest_store.ts";
import type { Library, Share } from "../store/library.ts";
import type { SharedReader } from "../store/shared_reader.ts";
import { answer, Refused, type Response } from "../wire/answerer.ts";
import { Frame } from "../wire/codec.ts";
import type { Connection } from "../wire/connection.ts";
import { CHUNK_SIZE, PAYLOAD_CAP, PeerRequest, PROTOCOL_VERSION } from "../wire/protocol.ts";
import { answerSeed } from "./seed_uploader.ts";

export interface UploaderOptions {
  /** What this peer says of itself in `hello`. */
  self: { agent: string; peer: string };
  library: Library;
  digests: DigestStore;
  reader: SharedReader;
  /** Called for each run that is about to be sent. */
  onServed: (share: Share, bytes: number, to: string) => void;
  /** Called when a shared file is found changed or gone. */
  onChanged: (share: Share) => void;
}

/** Serves what the library holds. A run is read into one buffer per connection, and sent from it. */
export class Uploader {
  readonly #options: UploaderOptions;

  constructor(options: UploaderOptions) {
    this.#options = options;
  }

  /** Answers a connection until it ends. Throws a Fault when the other end broke the rules. */
  async serve(connection: Connection): Promise<void> {
    let frame: Frame | undefined;
    await answer<PeerRequest>(connection, {
      requests: PeerRequest,
      seed: (message) => answerSeed(connection, message, this),
      answer: (request) => {
        switch (request.action) {
          case "hello": {
            const message = { action: "hello", id: request.id, protocol: PROTOCOL_VERSION };
            return { message: { ...message, ...this.#options.self } };
          }
          case "get_digests":
            return this.#digests(request);
          case "get_chunks":
            return this.#chunks(request, String(connection), frame ??= new Frame(PAYLOAD_CAP));
        }
      },
    });
  }

  /** The share of that name, where it is available. */
  named(name: string): Share | undefined {
    const share = this.#options.library.get(name);
    if (share?.available) return share;
  }

  /** A page of level 0 of a share's hash tree. */
  chunkDigests(share: Share, page: number): Uint8Array {
    return this.#page(share, 0, page);
  }

  /** Fills `into` from a share. Throws Refused when the file is no longer what was shared. */
  read(share: Share, position: number, into: Uint8Array, to: string): void {
    const { reader, onChanged, onServed } = this.#options;
    if (!share.available || !reader.read(share.path, share.stamp, position, into)) {
      onChanged(share);
      throw new Refused("changed", "the file changed since it was shared");
    }
    onServed(share, into.length, to);
  }

  #digests(request: { id: number; file: string; level: number; page: number }): Response {
    const share = this.#shared(request.file);
    const payload = this.#page(share, request.level, request.page);
    return { message: { action: "digests", id: request.id }, payload };
  }

  #chunks(
    { id, file, first, count }: { id: number; file: string; first: number; count: number },
    to: string,
    frame: Frame,
  ): Response {
    const share = this.#shared(file);
    const length = runLength(treeShape(share.announcement.size), first, count);
    if (length < 0) throw new Refused("out_of_range", "the run lies outside the file");
    this.read(share, first * CHUNK_SIZE, frame.body.subarray(0, length), to);
    return frame.seal({ action: "chunks", id }, length);
  }

  #page(share: Share, level: number, page: number): Uint8Array {
    if (pageLength(treeShape(share.announcement.size), level, page) < 0) {
      throw new Refused("out_of_range", "the hash tree has no such page");
    }
    const bytes = this.#options.digests.page(share.announcement.id, level, page);
    if (!bytes) throw new Refused("unreadable", "the page of digests is missing here");
    return bytes;
  }

  #shared(file: string): Share {
    const share = this.#options.library.withId(file);
    if (!share) throw new Refused("not_shared", "that file is not shared here");
    return share;
  }
}
