import { pieceLength, treeShape } from "../../content/hash_tree.ts";
import { PIECE_CHUNKS } from "../../content/piece_map.ts";
import { answerAsPeer } from "../../legacy/answer_as_peer.ts";
import type { Challenge, Proof } from "../../trust/proof.ts";
import { answer, Refused, type Response } from "../../wire/answerer.ts";
import type { Message, Outgoing } from "../../wire/codec.ts";
import type { Connection } from "../../wire/connection.ts";
import {
  CHUNK_SIZE,
  PAYLOAD_CAP,
  type PeerRecord,
  PeerRequest,
  PROTOCOL_VERSION,
} from "../../wire/protocol.ts";
import { RecentRequesters } from "./recent_requesters.ts";
import { FileFetchers } from "./file_fetchers.ts";
import { PieceNotices } from "./piece_notices.ts";
import type { Relay, RelayEnd } from "../../meet/relay.ts";
import type { Servable } from "../../store/disk/servable.ts";
import {
  type FoundContent,
  ServedContents,
  type ServedContentsOptions,
} from "./served_contents.ts";
import type { ChunkRange } from "../download/source.ts";
import { sourcesFor } from "./sources_for.ts";
import { type UploadSlot, UploadSlots } from "./upload_slots.ts";
import { FairQueue } from "../../async/fair_queue.ts";
import { isAttached } from "../../wire/attached.ts";
import { groupOf } from "../../wire/ip_address.ts";
import type { OwnDirectory } from "./own_directory.ts";

interface UploaderOptions extends ServedContentsOptions {
  /** This peer's words about itself in `hello`. */
  self: { agent: string; peer: string };
  /** Proves to a caller that this is the peer that it says (trust/proof.ts); empty to a wrong one. */
  prove: (challenge: Challenge) => Promise<Partial<Proof>>;
  /** Answers nothing but `hello` in the clear. Default false. */
  encrypt?: boolean;
  /** Tells peers in the same network what is shared here. Default not. */
  directory?: OwnDirectory;
  /** Shared by all connections. Default as many as is usual. */
  slots?: UploadSlots;
  /** Passes on what others of a private swarm say that have no other way. Default this peer does not. */
  relay?: Relay;
  /** Takes over a connection by its first message, as wire/answerer.ts has it. Default none. */
  takeOver?: (message: Message, connection: Connection) => Promise<void> | undefined;
  /**
   * Called when a peer says that it has verified all of a content; returns how many have said so. Default
   * none is handed over here.
   */
  onReceived?: (file: string, peer: string) => number;
  /** Called when a peer that listens asks for a file for the first time on its connection. */
  onAsked?: (file: string, requester: PeerRecord) => void;
}

/** The state of one connection while it is answered. */
interface Visit {
  connection: Connection;
  /** The network that its work is counted under. */
  network: string;
  notices: PieceNotices;
  /** Those of the caller's first connection: under these it asks for pieces. */
  fetcher: PieceNotices;
  /** The other end's words about itself. */
  caller: { agent?: string; peer?: string; port?: number };
  /** Files that it asked for, each with what to call at its end. */
  asked: Map<string, () => void>;
  /** Files that it fetches. */
  fetching: Set<string>;
  /** Its end of a pair that this peer relays for. */
  relayed?: RelayEnd;
}

/** The time for which files are read without a pause, in milliseconds: everything else waits meanwhile. */
const SLICE_MS = 5;
/** Files for which one connection is remembered as a requester. */
const ASKED_CAP = 1_000;

type Request<A extends PeerRequest["action"]> = Extract<PeerRequest, { action: A }>;

/**
 * Answers what other peers ask. A piece is read into the buffer of an upload slot, and sent from it.
 */
export class Uploader {
  readonly #slots: UploadSlots;
  /** The queue of long reads, in parts and in turns by host. */
  readonly #reads = new FairQueue();
  readonly #contents: ServedContents;
  readonly #options: UploaderOptions;
  readonly #requesters = new RecentRequesters();
  /** The peers that fetch a file now, by file. */
  readonly #fetchers = new Map<string, FileFetchers>();
  /** The first connection of each caller that says its id, by that and its address. */
  readonly #first = new Map<string, Visit>();

  constructor(options: UploaderOptions) {
    this.#options = options;
    this.#slots = options.slots ?? new UploadSlots();
    this.#contents = new ServedContents(options);
  }

  /** Answers a connection until it ends. Throws a Fault when the other end broke the rules. */
  async serve(connection: Connection): Promise<void> {
    const notices = new PieceNotices(connection);
    const serving = { contents: this.#contents, slots: this.#slots };
    const visit: Visit = {
      connection,
      network: networkOf(connection),
      notices,
      fetcher: notices,
      caller: {},
      asked: new Map(),
      fetching: new Set(),
    };
    try {
      await answer<PeerRequest>(connection, {
        requests: PeerRequest,
        last: (request) => request.action === "meet" && request.way === "relay",
        takeOver: (message) => this.#options.takeOver?.(message, connection),
        legacy: async (message) => {
          if (!this.#isTooOpen(connection)) await answerAsPeer(connection, message, serving);
        },
        seen: (request) => {
          // A peer that doesn't listen passes nothing on.
          if (request.action !== "get_chunks" || visit.caller.port === undefined) return;
          const { file } = request;
          const fetchers = this.#fetchers.get(file);
          if (!fetchers) return;
          for (const piece of piecesOf(request)) fetchers.ask(file, piece, visit.fetcher);
        },
        answer: (request, _payload, signal) => this.#answer(request, visit, signal),
      });
      await visit.relayed?.carry(connection.detach());
    } finally {
      visit.relayed?.leave();
      notices.stop();
      const key = callerKey(visit);
      if (this.#first.get(key) === visit) this.#first.delete(key);
      for (const file of visit.fetching) this.#left(file, visit);
      for (const end of visit.asked.values()) end();
    }
  }

  /** True for a connection that others can read, where that is not wanted. */
  #isTooOpen({ encrypted }: Connection): boolean {
    return this.#options.encrypt === true && !encrypted;
  }

  #answer(
    request: PeerRequest,
    visit: Visit,
    signal: AbortSignal,
  ): Promise<Response> | Response {
    if (request.action !== "hello" && this.#isTooOpen(visit.connection)) {
      throw new Refused("not_encrypted", "this peer answers in TLS alone; call it with --encrypt");
    }
    switch (request.action) {
      case "hello":
        return this.#hello(request, visit);
      case "meet":
        return this.#meet(request, visit);
      case "get_files":
        return this.#files(request, visit, signal);
      case "get_digests":
        return this.#digests(request, visit, signal);
      case "get_chunks":
        return this.#chunks(request, visit, signal);
      case "have":
        return this.#have(request, visit);
      case "sources":
        return this.#sources(request, visit);
      case "find":
      case "list_files":
        return this.#offered(request, visit);
      case "received":
        return this.#received(request, visit);
    }
  }

  async #hello(
    { id, agent, peer, port, nonce, bootstrap, further = false }: Request<"hello">,
    visit: Visit,
  ): Promise<Response> {
    // What is said again changes nothing.
    if (visit.caller.agent === undefined) {
      visit.caller = { agent, peer, port };
      this.#place(visit, further);
    }
    const message = { action: "hello", id, protocol: PROTOCOL_VERSION, ...this.#options.self };
    const proof = nonce ? await this.#options.prove({ nonce, bootstrap, peer }) : {};
    return { message: { ...message, ...proof } };
  }

  /** Lists or finds what this peer shares, for a caller in the same network: others ask a bootstrap. */
  async #offered(
    request: Request<"find" | "list_files">,
    { connection, network }: Visit,
  ): Promise<Response> {
    const { directory, self: { peer } } = this.#options;
    const { remote, local } = connection;
    if (!directory || !isAttached(remote.host)) {
      throw new Refused("unknown_action", "this peer tells what it shares in its network alone");
    }
    const { id } = request;
    return await this.#reads.take(() => {
      if (request.action === "find") {
        const own = { peer, address: local.host, port: local.port };
        return listed({ action: "found", id }, directory.find(request, own));
      }
      const { items, cursor } = directory.list(request.pattern, request.cursor);
      return listed({ action: "files", id, cursor }, items);
    }, network);
  }

  /** Has a further connection ask as its caller's first one does, and yield to other callers. */
  #place(visit: Visit, further: boolean): void {
    const key = callerKey(visit);
    if (!further) return void (this.#first.has(key) || this.#first.set(key, visit));
    visit.connection.yields = true;
    visit.fetcher = this.#first.get(key)?.notices ?? visit.notices;
  }

  async #meet({ id, token, way }: Request<"meet">, visit: Visit): Promise<Response> {
    const { relay } = this.#options;
    if (!relay || way !== "relay") throw new Refused("not_met", "this peer brings nobody together");
    const { remote, closing } = visit.connection;
    visit.relayed = await relay.meet(token, remote.host, closing);
    return { message: { action: "met", id } };
  }

  #digests(
    { id, file, level, page: block }: Request<"get_digests">,
    visit: Visit,
    signal: AbortSignal,
  ): Promise<Response> {
    return this.#inSlot(visit, signal, ({ frame }) => {
      const bytes = this.#contents.block(this.#get(file, visit), level, block);
      frame.body.set(bytes);
      return frame.seal({ action: "digests", id }, bytes.length);
    });
  }

  #chunks(
    { id, file, first, count, unless_taken }: Request<"get_chunks">,
    visit: Visit,
    signal: AbortSignal,
  ): Promise<Response> {
    const piece = Math.floor(first / PIECE_CHUNKS);
    if (unless_taken && this.#fetchers.get(file)?.isTaken(piece, visit.fetcher)) {
      throw new Refused("taken", "another was the first to ask for that piece");
    }
    return this.#inSlot(visit, signal, async ({ frame }) => {
      const found = this.#get(file, visit);
      const into = frame.body.subarray(0, checkPiece(found.content, first, count));
      const receiver = { to: String(visit.connection), peer: visit.caller.peer };
      await this.#contents.read(found, first * CHUNK_SIZE, into, receiver);
      return frame.seal({ action: "chunks", id }, into.length);
    });
  }

  /** As many of the files, in order, as are whole here and fit one payload; perhaps none. */
  #files(
    { id, files }: Request<"get_files">,
    visit: Visit,
    signal: AbortSignal,
  ): Promise<Response> {
    if (new Set(files).size < files.length) {
      throw new Refused("bad_message", "a file is asked for twice");
    }
    return this.#inSlot(visit, signal, async ({ frame }) => {
      const receiver = { to: String(visit.connection), peer: visit.caller.peer };
      let [count, length] = [0, 0];
      let began = performance.now();
      for (const file of files) {
        if (performance.now() - began > SLICE_MS) {
          await this.#reads.take(() => {}, visit.network);
          signal.throwIfAborted();
          began = performance.now();
        }
        const found = this.#contents.find(file);
        if (!found || found.content.map) break;
        const into = frame.body.subarray(length, length + found.content.size);
        if (into.length < found.content.size) break;
        if (!await this.#contents.tryRead(found, into, receiver)) break;
        length += into.length;
        count++;
      }
      return frame.seal({ action: "files", id, count }, length);
    });
  }

  /** A reply that is made in a slot, which is held until it was sent. */
  async #inSlot(
    { connection, network }: Visit,
    signal: AbortSignal,
    make: (slot: UploadSlot) => Uint8Array | Promise<Uint8Array>,
  ): Promise<Response> {
    const slot = await this.#slots.take(network, signal, connection);
    try {
      return { bytes: await make(slot), release: () => slot[Symbol.dispose]() };
    } catch (error) {
      slot[Symbol.dispose]();
      throw error;
    }
  }

  #have({ id, file }: Request<"have">, visit: Visit): Response {
    const { notices } = visit;
    const { content } = this.#get(file, visit);
    this.#fetches(file, visit);
    if (!content.map || content.map.complete) {
      notices.follow(content);
      return { message: { action: "map", id, complete: true } };
    }
    const payload = content.map.bytes();
    if (payload.length > PAYLOAD_CAP) throw new Refused("unreadable", "the map is too large");
    notices.follow(content);
    return { message: { action: "map", id, complete: false }, payload };
  }

  #sources({ id, file }: Request<"sources">, visit: Visit): Response {
    const { connection, caller } = visit;
    const { content } = this.#get(file, visit);
    const known = [...this.#requesters.of(file), ...content.sources?.() ?? []];
    const asking = { ...caller, address: connection.remote.host };
    return listed({ action: "sources", id }, sourcesFor(asking, known));
  }

  #received({ id, file }: Request<"received">, { caller: { peer } }: Visit): Response {
    const { onReceived } = this.#options;
    if (!onReceived || peer === undefined) {
      throw new Refused("not_shared", "nothing is handed over here");
    }
    return { message: { action: "received", id, receivers: onReceived(file, peer) } };
  }

  #fetches(file: string, { fetching, notices }: Visit): void {
    if (fetching.size >= ASKED_CAP) return;
    fetching.add(file);
    let fetchers = this.#fetchers.get(file);
    if (!fetchers) this.#fetchers.set(file, fetchers = new FileFetchers());
    fetchers.add(notices);
  }

  #left(file: string, { notices }: Visit): void {
    const fetchers = this.#fetchers.get(file);
    fetchers?.remove(notices);
    if (fetchers?.size === 0) this.#fetchers.delete(file);
  }

  /**
   * Looks a file up for a request: once, and not before its turn, because what is shared may change while
   * it waits. Throws Refused where there is none.
   */
  #get(file: string, visit: Visit): FoundContent {
    const found = this.#contents.find(file);
    if (!found) throw new Refused("not_shared", "that file is not shared here");
    this.#remember(file, visit);
    return found;
  }

  /** A peer that asks for a file and listens will be a source of it to others. */
  #remember(file: string, { asked, caller, connection }: Visit): void {
    const { port, peer, agent } = caller;
    if (port === undefined || asked.has(file) || asked.size >= ASKED_CAP) return;
    const record = { peer, address: connection.remote.host, port, agent };
    asked.set(file, this.#requesters.add(file, record));
    this.#options.onAsked?.(file, record);
  }
}

/** The key of a caller, as far as it says what it is. */
function callerKey({ connection, caller: { peer = "" } }: Visit): string {
  return `${connection.remote.host} ${peer}`;
}

/** The network that a connection's work is counted under; loopback has none, and counts by itself. */
function networkOf({ remote: { host } }: Connection): string {
  return groupOf(host) ?? host;
}

/** Bytes in some chunks. Throws Refused where a piece of them lies outside the file, or is not there yet. */
function checkPiece(content: Servable, first: number, count: number): number {
  const length = pieceLength(treeShape(content.size), first, count);
  if (length < 0) throw new Refused("out_of_range", "the piece lies outside the file");
  for (const piece of piecesOf({ first, count })) {
    if (content.map && !content.map.has(piece)) {
      throw new Refused("not_yet", "that part of the file is not here yet");
    }
  }
  return length;
}

/** The pieces that some chunks are in. */
function* piecesOf({ first, count }: ChunkRange): Generator<number> {
  const last = Math.floor((first + count - 1) / PIECE_CHUNKS);
  for (let piece = Math.floor(first / PIECE_CHUNKS); piece <= last; piece++) yield piece;
}

/** A reply with a list as its payload. */
function listed(message: Outgoing, items: unknown[]): Response {
  return { message, payload: new TextEncoder().encode(JSON.stringify(items)) };
}
