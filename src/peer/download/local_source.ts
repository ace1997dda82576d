import { pieceCount, PieceMap } from "../../content/piece_map.ts";
import { Fault } from "../../fault.ts";
import { blockLength, pieceLength, treeShape } from "../../content/hash_tree.ts";
import type { DigestStore } from "../../store/hash/digest_store.ts";
import type { Share } from "../../store/shares/library.ts";
import type { SharedReader } from "../../store/disk/shared_reader.ts";
import { CHUNK_SIZE } from "../../wire/protocol.ts";
import type { SourceReceipt } from "../api/peer_api.ts";
import type { ChunkRange, Source } from "./source.ts";

/** A file that this peer shares itself: copying it needs no network, but is verified all the same. */
export class LocalSource implements Source {
  readonly receipt: SourceReceipt;
  arrived = 0;
  readonly rttMs = 0;
  readonly ended = new Promise<never>(() => {});
  readonly #share: Share;
  readonly #digests: DigestStore;
  readonly #reader: SharedReader;

  constructor(share: Share, digests: DigestStore, reader: SharedReader) {
    this.#share = share;
    this.#digests = digests;
    this.#reader = reader;
    this.receipt = { address: "this peer", bytes: 0, retries: 0, bad_chunks: 0 };
  }

  connect(): Promise<void> {
    return Promise.resolve();
  }

  have(): Promise<PieceMap> {
    return Promise.resolve(PieceMap.full(pieceCount(this.#share.announcement.size)));
  }

  peers(): Promise<[]> {
    return Promise.resolve([]);
  }

  digests(level: number, block: number): Promise<Uint8Array<ArrayBuffer>> {
    const { id, size } = this.#share.announcement;
    const bytes = this.#digests.block(id, level, block);
    if (bytes?.length === blockLength(treeShape(size), level, block)) return Promise.resolve(bytes);
    return Promise.reject(new Fault("network", "a block of digests is missing"));
  }

  async chunks(
    { first, count }: ChunkRange,
    into: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { path, stamp, announcement } = this.#share;
    const bytes = into.subarray(0, pieceLength(treeShape(announcement.size), first, count));
    if (await this.#reader.read(path, stamp, first * CHUNK_SIZE, bytes)) {
      this.arrived += bytes.length;
      return bytes;
    }
    throw new Fault("network", `${path} changed since it was shared`);
  }

  close(): void {}
}
