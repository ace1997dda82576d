import * as v from "valibot";
import { pieceCount, PieceMap } from "../../content/piece_map.ts";
import { Fault, messageOf } from "../../fault.ts";
import { decodePayload, type Message } from "../../wire/codec.ts";
import { type Address, formatAddress } from "../../wire/connection.ts";
import { isInScope } from "../../wire/ip_address.ts";
import {
  Chunks,
  Digests,
  FilesReply,
  Has,
  PeerRecord,
  PieceMapReply,
  SOURCES_CAP,
  SourcesReply,
  TakenReply,
} from "../../wire/protocol.ts";
import type { SourceReceipt } from "../api/peer_api.ts";
import { ConnectionPool, keyOf, type PeerConnection } from "../reach/connection_pool.ts";
import { isSamePlace, mergePlace, placesOf } from "../reach/place.ts";
import type { PeerPlace } from "../reach/rung.ts";
import type { Self } from "../reach/self.ts";
import type { ChunkRequest, ConnectOptions, Source } from "./source.ts";
import type { Answer } from "../../wire/caller.ts";
import { CHUNK_SIZE } from "../../content/sizes.ts";

/**
 * The time by which what is in flight takes longer over TLS than a short reply, in milliseconds: it passes through
 * in records of 16 KiB, and the last ones of a reply may wait to be acknowledged.
 */
const TLS_MS = 30;
/** The number of times that a source may tell of each piece, on average: once would do. */
const TELLINGS = 4;

/** Addresses that one source may name in all: as many as a download uses at a time. */
const NAMED_CAP = 32;

const PeerList = v.pipe(v.array(PeerRecord), v.maxLength(SOURCES_CAP));

/** This peer as it calls others. */
export interface LocalPeer extends Self {
  /** The connections that all downloads share. Default one for each source. */
  lines?: ConnectionPool;
}

/** A map that was asked for, and who hears of what comes on. */
interface AskedMap {
  /** The pieces that it told of before it replied. */
  early: PieceMap;
  answer: Promise<Answer<v.InferOutput<typeof PieceMapReply>> & { rttMs: number }>;
  hear: (piece: number) => void;
  taken: (piece: number) => void;
}

/** A file of one chunk that was asked for with the greeting; each part is for the first who needs it. */
interface SmallFile {
  digests?: Promise<Uint8Array<ArrayBuffer>>;
  chunk?: Promise<Uint8Array<ArrayBuffer>>;
}

/** A peer that speaks Shoal's own protocol, over its part in the connection there. */
export class PeerSource implements Source {
  readonly receipt: SourceReceipt;
  arrived = 0;
  /** The source that this is a further connection of. */
  #main: PeerSource | undefined;
  readonly #file: { id: string; size: number };
  readonly key: string;
  readonly #place: PeerPlace;
  readonly #self: LocalPeer;
  #line: PeerConnection | undefined;
  /** The map, where it was asked for with the greeting. */
  #mapAsked: AskedMap | undefined;
  /** The map, once it is used. */
  #map: AskedMap | undefined;
  #small: SmallFile | undefined;
  #rttMs = 0;
  /** The addresses that it named. */
  readonly #named = new Set<string>();
  readonly #onBytes = (bytes: number) => {
    this.arrived += bytes;
    if (this.#main) this.#main.arrived += bytes;
  };

  /** `place` is where the peer may be, or an address of which nobody says whose it is. */
  constructor(file: { id: string; size: number }, place: PeerPlace | Address, self: LocalPeer) {
    this.#file = file;
    this.#place = "addresses" in place
      ? { ...place }
      : { addresses: [{ ...place, path: "direct" }] };
    this.#self = self;
    this.key = keyOf(this.#place);
    const [first] = this.#place.addresses;
    const address = first ? formatAddress(first) : this.key.slice(0, 12);
    this.receipt = { address, bytes: 0, retries: 0, bad_chunks: 0 };
  }

  get rttMs(): number {
    return this.#main?.rttMs ?? this.#rttMs;
  }

  get ended(): Promise<unknown> {
    return this.#connected().ended;
  }

  async connect(signal: AbortSignal, { limits, map = false }: ConnectOptions = {}): Promise<void> {
    const { lines = new ConnectionPool({ self: () => this.#self, limitDown: [] }) } = this.#self;
    this.#mapAsked = this.#map = this.#small = undefined;
    let early: PeerConnection | undefined;
    const line = this.#line = await lines.open(this.#place, {
      signal,
      limits,
      further: this.#main !== undefined,
      onConnected: (connected) => {
        early = this.#line = connected;
        if (!map) return;
        this.#mapAsked = this.#askMap(connected);
        if (this.#file.size > 0 && this.#file.size <= CHUNK_SIZE) {
          this.#small = this.#askSmall(connected);
        }
      },
    });
    // Another connection came first than the one that was asked early.
    if (line !== early) this.#mapAsked = this.#small = undefined;
    this.receipt.peer = line.peer;
    this.#notePath(line);
    line.onMoved = () => {
      this.#notePath(line);
      // The peer tells news only where it was asked; what fails ends the connection, and so is noticed.
      if (this.#map) this.#askAnew(line, this.#map).catch(() => {});
    };
  }

  #notePath({ path, where }: PeerConnection): void {
    Object.assign(this.receipt, { path, address: where });
  }

  /** Asks for the map over a new connection, and hears of what is new in it. */
  async #askAnew(line: PeerConnection, { early, hear }: AskedMap): Promise<void> {
    const started = performance.now();
    const request = { action: "have", file: this.#file.id };
    const { reply, payload } = await line.request(request, PieceMapReply);
    this.#rttMs = performance.now() - started + (line.caller.connection.encrypted ? TLS_MS : 0);
    const map = reply.complete ? PieceMap.full(early.pieces) : this.#mapOf(early.pieces, payload);
    for (let piece = 0; piece < map.pieces; piece++) if (map.has(piece)) hear(piece);
  }

  isSame(other: Pick<Source, "receipt">): boolean {
    if (!(other instanceof PeerSource)) return false;
    const proven = this.receipt.peer;
    return isSamePlace(proven ? { ...this.#place, peer: proven } : this.#place, other.#place);
  }

  further(): PeerSource | undefined {
    const { lines } = this.#self;
    if (!lines?.hasFurther(this.#place)) return;
    const one = new PeerSource(this.#file, this.#place, this.#self);
    one.#main = this;
    return Object.assign(one, { receipt: this.receipt });
  }

  adopt(other: Pick<Source, "receipt">): boolean {
    return other instanceof PeerSource && mergePlace(this.#place, other.#place);
  }

  async have(
    onPiece: (piece: number) => void,
    onTaken: (piece: number) => void = () => {},
  ): Promise<PieceMap> {
    const line = this.#connected();
    const asked = this.#mapAsked ?? this.#askMap(line);
    this.#mapAsked = undefined;
    asked.taken = onTaken;
    const { reply, payload, rttMs } = await asked.answer;
    this.#rttMs = rttMs + (line.caller.connection.encrypted ? TLS_MS : 0);
    const { early } = asked;
    const map = reply.complete ? PieceMap.full(early.pieces) : this.#mapOf(early.pieces, payload);
    for (let piece = 0; piece < early.pieces; piece++) if (early.has(piece)) map.add(piece);
    asked.hear = (piece) => map.add(piece) && onPiece(piece);
    this.#map = asked;
    return map;
  }

  #askMap(line: PeerConnection): AskedMap {
    const { connection } = line.caller;
    const pieces = pieceCount(this.#file.size);
    // What it tells of before it replies goes here.
    const early = new PieceMap(pieces);
    let left = TELLINGS * pieces;
    line.listen((notice) => {
      for (const [first, end] of this.#told(notice, pieces)) {
        left -= end - first;
        if (left < 0) {
          return line.caller.close(new Fault("network", `${connection} repeats itself`));
        }
        for (let piece = first; piece < end; piece++) {
          if (notice.action === "taken") asked.taken(piece);
          else asked.hear(piece);
        }
      }
    });
    const started = performance.now();
    const answer = line.request({ action: "have", file: this.#file.id }, PieceMapReply)
      .then((answer) => ({ ...answer, rttMs: performance.now() - started }));
    answer.catch(() => {}); // until it is awaited by have()
    const asked: AskedMap = {
      early,
      answer,
      hear: (piece) => void early.add(piece),
      taken: () => {},
    };
    return asked;
  }

  /** A file of one chunk comes with the answer to the greeting. */
  #askSmall(line: PeerConnection): SmallFile {
    const { id: file, size } = this.#file;
    const digests = line.request({ action: "get_digests", file, level: 0, page: 0 }, Digests)
      .then(({ payload }) => payload);
    const chunk = line.request({ action: "get_chunks", file, first: 0, count: 1 }, Chunks, {
      into: new Uint8Array(size),
      onBytes: this.#onBytes,
    }).then(({ payload }) => payload);
    // The caller that needs them gets the failure.
    for (const asked of [digests, chunk]) asked.catch(() => {});
    return { digests, chunk };
  }

  async digests(level: number, block: number): Promise<Uint8Array<ArrayBuffer>> {
    const { digests } = this.#small ?? {};
    if (digests) {
      this.#small!.digests = undefined;
      return await digests;
    }
    const request = { action: "get_digests", file: this.#file.id, level, page: block };
    return (await this.#connected().request(request, Digests)).payload;
  }

  async chunks(
    { first, count, unlessTaken }: ChunkRequest,
    into: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { chunk } = this.#small ?? {};
    if (chunk) {
      this.#small!.chunk = undefined;
      const payload = await chunk;
      into.set(payload);
      return into.subarray(0, payload.length);
    }
    const unless = unlessTaken ? { unless_taken: true } : {};
    const request = { action: "get_chunks", file: this.#file.id, first, count, ...unless };
    const options = { into, signal, onBytes: this.#onBytes };
    return (await this.#connected().request(request, Chunks, options)).payload;
  }

  /** The first `count` of these files, one after the other, as yet unverified; at most `most` bytes. */
  async files(
    files: string[],
    most: number,
  ): Promise<{ count: number; payload: Uint8Array<ArrayBuffer> }> {
    const into = new Uint8Array(most);
    const request = { action: "get_files", files };
    const options = { into, onBytes: this.#onBytes };
    const { reply, payload } = await this.#connected().request(request, FilesReply, options);
    return { count: reply.count, payload };
  }

  async peers(): Promise<PeerRecord[]> {
    const request = { action: "sources", file: this.#file.id };
    const { payload } = await this.#connected().request(request, SourcesReply);
    const teller = this.#connected().caller.connection.remote.host;
    return decodePayload(PeerList, payload).filter(({ address, port, peer }) => {
      if (peer === this.#self.peer || !isInScope(address, teller)) return false;
      const key = formatAddress({ host: address, port });
      if (this.#named.size < NAMED_CAP) this.#named.add(key);
      return this.#named.has(key);
      // Nobody has proven these ids, but in TLS each proves its own.
    }).map(({ peer, ...record }) => this.#self.transport?.encrypts ? { peer, ...record } : record);
  }

  close(): void {
    this.#line?.close();
  }

  #mapOf(pieces: number, payload: Uint8Array): PieceMap {
    try {
      return PieceMap.from(pieces, payload);
    } catch (cause) {
      throw new Fault("network", `${this.receipt.address} sent a wrong map: ${messageOf(cause)}`, {
        cause,
      });
    }
  }

  /** The pieces that a notice tells of, each as the first one and the one after the last. */
  #told(notice: Message, pieces: number): [number, number][] {
    const news = v.safeParse(notice.action === "taken" ? TakenReply : Has, notice);
    if (!news.success || news.output.file !== this.#file.id) return [];
    // However large the numbers are that it says, there are no more pieces than these.
    return news.output.runs.filter(([first]) => first < pieces)
      .map(([first, count]) => [first, Math.min(first + count, pieces)]);
  }

  #connected(): PeerConnection {
    if (!this.#line) throw new Error("connect() comes first");
    return this.#line;
  }
}

/** Those of some peers that are not this one, as sources of a content: one for each peer. */
export function peerSources(
  content: { id: string; size: number },
  records: PeerRecord[],
  self: LocalPeer,
): PeerSource[] {
  const others = records.filter(({ peer }) => peer !== self.peer);
  return placesOf(others).map((place) => new PeerSource(content, place, self));
}
