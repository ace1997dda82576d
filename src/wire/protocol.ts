/**
 * The wire protocol, version 1: the messages, their ends, and their limits.
 *
 * **Goals.** A client can be written in any language in an hour, and a session can be read with
 * netcat. Nothing is allocated before a length has been checked against its cap. Every byte of
 * content can be verified on arrival, in pieces of at most 64 KiB.
 *
 * **Non-goals.** Hiding requests from the peer that is asked; congestion control beyond TCP's; any
 * form of remote write.
 *
 * **Framing.** A message is one line of JSON (UTF-8, one object, at most {@link LINE_CAP} bytes
 * with its `\n`). If it has `"payload": n`, exactly n bytes follow, n ≤ {@link PAYLOAD_CAP}.
 *
 * **Order.** The caller speaks first, and first says `hello`. Requests carry `action` and `id`;
 * replies repeat `id` and come in request order, so a caller keeps many in flight. A message
 * without `id` as the first of a connection is the legacy dialect (src/legacy). Unknown fields are
 * ignored; an unknown action is answered with an error and the connection lives on.
 *
 * docs/protocol.md has the same in prose, with worked examples.
 */
import * as v from "valibot";
import { DIGEST_SIZE } from "../content/sizes.ts";
import {
  BLOB_CAP,
  FILES_CAP,
  LABELS_CAP,
  LIST_CAP,
  PAYLOAD_CAP,
  PROTOCOL_VERSION,
  REACH_PORT_LEAST,
  REQUEST_CHUNKS,
  SOURCES_CAP,
  TEXT_CAP,
  TREE_LEVELS,
} from "./limits.ts";
import { NAME_CAP } from "../content/safe_path.ts";

export * from "./limits.ts";

/** Longest retry-after, in seconds. */
export const RETRY_AFTER_CAP = 3_600;

/** The reason of a refusal. */
export type ErrorCode =
  /** The message breaks the rules above; the connection is closed after this reply. */
  | "bad_message"
  /** The callee doesn't know that action. */
  | "unknown_action"
  /** The protocol version isn't spoken here; the connection is closed after this reply. */
  | "bad_version"
  /** Not a file that the callee shares. */
  | "not_shared"
  /** The run or block lies outside the file. */
  | "out_of_range"
  /** The file changed since it was shared, and is shared no longer. */
  | "changed"
  /** The callee could not read the file. */
  | "unreadable"
  /** `announce`, `withdraw` or `heartbeat` before `register`. */
  | "not_registered"
  /** The callee answers in TLS alone, and the connection is in the clear. */
  | "not_encrypted"
  /** A registration names an address that is not the callee's. */
  | "not_here"
  /** No room has that number, or not for this caller. */
  | "no_room"
  /** A signature doesn't fit its key. */
  | "bad_signature"
  /** The other peer did not come to a meeting, or can't be met in that way. */
  | "not_met"
  /** A cap was reached; `retry_after` says when to come back. */
  | "busy"
  /** The caller took the request back. */
  | "cancelled"
  /** The callee has the file in part, and not that part. */
  | "not_yet"
  /** `unless_taken` was asked for, and another was the first to ask for that run. */
  | "taken"
  /** A fault of the callee's own. */
  | "internal";

const count = (cap: number) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(cap));
const hex = (bytes: number) => v.pipe(v.string(), v.regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`)));
/** Joined anew, since a slice would keep the whole line that it was cut from in memory. */
const text = v.pipe(
  v.string(),
  v.transform((s) => s.length > TEXT_CAP ? [...s.slice(0, TEXT_CAP)].join("") : s),
);

const shortText = v.pipe(v.string(), v.minLength(1), v.maxLength(64));
const pieceNumber = count(Number.MAX_SAFE_INTEGER);

/** A request's number, chosen by the caller. */
const requestId = count(Number.MAX_SAFE_INTEGER);
/** A file id: SHA-256 in lower-case hex, 64 digits. */
export const FileId = hex(DIGEST_SIZE);
/** A peer id: an Ed25519 public key in lower-case hex, 64 digits. */
export const PeerId = hex(32);
/** A file's size in bytes. */
export const FileSize = count(Number.MAX_SAFE_INTEGER);
/** A time in milliseconds since 1970, UTC. */
export const Time = count(8_640_000_000_000_000);
/** A secret that two peers show where they meet: 16 random bytes in lower-case hex. */
export const Token = hex(16);
export const Port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));
/** Labels of a peer, such as its site: for people, and of no meaning here. */
export const Labels = v.pipe(
  v.record(
    v.pipe(v.string(), v.regex(/^[a-z0-9_.-]{1,32}$/)),
    v.pipe(v.string(), v.regex(/^[^\p{C}]{1,64}$/u)),
  ),
  v.check((labels) => Object.keys(labels).length <= LABELS_CAP),
);
export type Labels = v.InferOutput<typeof Labels>;
/** An IP address or host name. */
export const Host = v.pipe(v.string(), v.regex(/^[0-9A-Za-z.:_%-]{1,255}$/));
/** A name of at most {@link NAME_CAP} bytes. What it may be on disk, content/safe_path.ts decides. */
export const Name = v.pipe(
  v.string(),
  v.minLength(1),
  v.check((s) => s.length <= NAME_CAP && new TextEncoder().encode(s).length <= NAME_CAP),
);
const payload = count(PAYLOAD_CAP);
const cursor = v.optional(v.pipe(v.string(), v.maxLength(2 * NAME_CAP)));

/**
 * The part that every message has; what else is in it is kept, to be checked against its action.
 * `id` is missing in notices and in the legacy dialect.
 */
export const Envelope = v.looseObject({
  action: v.pipe(v.string(), v.maxLength(64)),
  id: v.optional(requestId),
  payload: v.optional(payload),
});

const request = <A extends string, F extends v.ObjectEntries>(action: A, fields: F) =>
  v.object({ action: v.literal(action), id: requestId, ...fields });
const reply = <A extends string, F extends v.ObjectEntries>(action: A, fields: F) =>
  v.object({ action: v.literal(action), id: requestId, ...fields });

/** First message of each connection. `peer` is the caller's id, where it has one. */
export const Hello = request("hello", {
  protocol: count(65_535),
  agent: text,
  peer: v.optional(PeerId),
  /** Between peers: where the caller listens, so that others can be told of it as a source. */
  port: v.optional(Port),
  /** Between peers, and from a bootstrap that calls back: asks for a proof of the callee's id. */
  nonce: v.optional(hex(32)),
  /** Between peers: one more connection of a caller that has one, which makes room for those of others. */
  further: v.optional(v.boolean()),
  /** From a bootstrap that calls back: its address, as the callee dialled it. */
  bootstrap: v.optional(v.object({ host: Host, port: Port })),
});

/** One block of a file's hash tree; level 0 holds the chunks' digests, the top level one block. */
export const GetDigests = request("get_digests", {
  file: FileId,
  level: count(TREE_LEVELS - 1),
  page: count(Number.MAX_SAFE_INTEGER),
});

/**
 * A request for 1 to {@link REQUEST_CHUNKS} chunks, starting with chunk number `first`. With
 * `unless_taken` they are refused when another peer, which fetches the file too, was the first to
 * ask for the piece that `first` is in: the caller would rather have a piece that no other has yet.
 */
export const GetChunks = request("get_chunks", {
  file: FileId,
  first: count(Number.MAX_SAFE_INTEGER),
  count: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(REQUEST_CHUNKS)),
  unless_taken: v.optional(v.boolean()),
});

/**
 * Whole files of at most {@link PAYLOAD_CAP} bytes together. What a file of one payload is, its id alone
 * says: its tree is one block, which follows from its bytes.
 */
export const GetFiles = request("get_files", {
  files: v.pipe(v.array(FileId), v.minLength(1), v.maxLength(FILES_CAP)),
});

/**
 * A request for the pieces that the callee has; {@link Has} notices follow for as long as the
 * connection lives.
 */
export const Have = request("have", { file: FileId });
/** A request for other sources of the file, whole or in part, as far as the callee knows. */
export const Sources = request("sources", { file: FileId });
/** Says that the caller has verified all of a content that was handed over to it. */
export const Received = request("received", { file: FileId });
/** The reply to an earlier request is not needed any more: it may be `error` with code `cancelled`. */
export const Cancel = v.object({ action: v.literal("cancel"), request: requestId });

/** A way to a peer that can't be called: it calls, both call at once, or a third one passes on. */
export const Way = v.picklist(["reverse", "punch", "relay"]);
export type Way = v.InferOutput<typeof Way>;
/** Ways that another program may have more of than are known here. */
const ways = v.pipe(
  v.array(v.pipe(v.string(), v.maxLength(16))),
  v.maxLength(8),
  v.transform((list) => [...new Set(list)].filter((one): one is Way => v.is(Way, one))),
);

/**
 * A request to be brought together with the other end that says the same `token`. To `punch`, both
 * are told at once where the other is; to `relay`, all bytes after the reply are each other's.
 */
export const Meet = request("meet", { token: Token, way: v.picklist(["punch", "relay"]) });

/**
 * `proof`: the callee's signature over its own `nonce` and that of the `hello` that it answers
 * (trust/proof.ts).
 */
export const PeerHello = reply("hello", {
  protocol: v.literal(PROTOCOL_VERSION),
  agent: text,
  peer: PeerId,
  nonce: v.optional(hex(32)),
  proof: v.optional(hex(64)),
});
export const Digests = reply("digests", { payload });
export const Chunks = reply("chunks", { payload });
/** Payload: the first `count` of the files that were asked for, one after the other. */
export const FilesReply = reply("files", { count: count(FILES_CAP), payload: v.optional(payload) });
/** Payload: content/piece_map.ts's bytes, one bit for each run of 4 chunks; none when `complete`. */
export const PieceMapReply = reply("map", { complete: v.boolean(), payload: v.optional(payload) });
/** Payload: a JSON array of {@link PeerRecord}, at most {@link SOURCES_CAP}. */
export const SourcesReply = reply("sources", { payload });
/** The number of peers that have said `received`. */
export const ReceivedReply = reply("received", { receivers: count(Number.MAX_SAFE_INTEGER) });
/** Pairs of first run and count. */
const runs = v.pipe(v.array(v.tuple([pieceNumber, pieceNumber])), v.maxLength(LIST_CAP));
/** A notice: runs that the sender has by now, as pairs of first run and count. */
export const Has = v.object({ action: v.literal("has"), file: FileId, runs });
/**
 * A notice: others are being sent these pieces, so a caller that waits a little can have them from
 * those.
 */
export const TakenReply = v.object({ action: v.literal("taken"), file: FileId, runs });
export const ErrorReply = v.object({
  action: v.literal("error"),
  id: v.optional(requestId),
  code: v.pipe(v.string(), v.maxLength(64)),
  message: text,
  /** With `busy`: when to come back, in seconds. */
  retry_after: v.optional(count(RETRY_AFTER_CAP)),
});

/** Listens for peers at `port`. `signature` covers the nonce of the bootstrap's `hello`, too. */
export const Register = request("register", {
  peer: PeerId,
  port: Port,
  /** The caller's own nonce. */
  nonce: hex(32),
  /** The address that the caller dialled: an IP address and a port of the bootstrap's. */
  dialled: v.object({ host: Host, port: Port }),
  /** An address to list instead of the one that the bootstrap saw, once it was called there. */
  advertise: v.optional(v.object({ host: Host, port: Port })),
  agent: v.optional(text),
  /** Labels for lists. Not signed: nothing depends on them. */
  labels: v.optional(Labels),
  /** The ways in which it can be reached besides. Not signed: a bootstrap may hide a peer anyway. */
  ways: v.optional(ways),
  /** In a private swarm: it passes on what others say that have no other way. */
  relay: v.optional(v.boolean()),
  signature: hex(64),
});
/** Payload: a JSON array of {@link Announcement}. The caller is a source of each. */
export const Announce = request("announce", { payload });
/** Payload: a JSON array of {@link Holding}. The caller is no longer a source of them. */
export const Withdraw = request("withdraw", { payload });
export const Heartbeat = request("heartbeat", {});
export const GetPeers = request("get_peers", { cursor });
/**
 * A request for everything announced with that name, that file id, or by that publisher: at least
 * one of them. Of a publisher's versions of a name the newest, with `versions` all that still have
 * a source.
 */
export const Find = request("find", {
  name: v.optional(Name),
  file: v.optional(FileId),
  publisher: v.optional(PeerId),
  versions: v.optional(v.boolean()),
});
/**
 * A request for all peers that have a content of that name, whichever version, in whole or in part: what
 * `find` draws some of.
 */
export const ListSources = request("list_sources", { name: Name, cursor });
/** Names that match a glob: `*` and `?` within a folder, `**` across, `[a-z]`, `{a,b}`. */
export const ListFiles = request("list_files", {
  pattern: v.optional(v.pipe(v.string(), v.maxLength(NAME_CAP))),
  cursor,
});
export const Goodbye = request("goodbye", {});
/**
 * A wish to reach a registered peer in one of these ways. `port` is where the caller listens, for a peer
 * that calls; the bootstrap passes it on with the address that it sees.
 */
export const Reach = request("reach", {
  peer: PeerId,
  token: Token,
  ways,
  port: v.optional(v.pipe(Port, v.minValue(REACH_PORT_LEAST))),
});

/** The number of a room. */
const RoomNumber = v.pipe(v.number(), v.integer(), v.minValue(100), v.maxValue(999_999));
/** Words of one party of a room to the other; the bootstrap passes them on as they are. */
const Blob = v.pipe(v.string(), v.maxLength(BLOB_CAP));
const GuestNumber = count(Number.MAX_SAFE_INTEGER);

/**
 * Opens a room for `seconds`, in which receivers that know its number meet the caller; or with `room`
 * takes it up again, or longer, by the ticket that it was opened with: 32 random bytes of the caller's.
 */
export const OpenRoom = request("open_room", {
  ticket: hex(32),
  seconds: count(86_400),
  room: v.optional(RoomNumber),
});
/** Enters a room, with words for its sender. */
export const EnterRoom = request("enter_room", { room: RoomNumber, blob: Blob });
/** Says more in a room: a guest to its sender, or the sender to `guest`. */
export const Say = request("say", { guest: v.optional(GuestNumber), blob: Blob });
/** Ends a guest's stay. */
export const Dismiss = request("dismiss", { guest: GuestNumber });
/** Closes the caller's room. */
export const CloseRoom = request("close_room", {});

/**
 * The requests to a peer. `cancel` is a notice: it has no reply. `find` and `list_files` are answered to
 * callers in the same network, and are about what the callee shares itself.
 */
export const PeerRequest = v.variant("action", [
  Meet,
  Hello,
  GetDigests,
  GetChunks,
  GetFiles,
  Have,
  Sources,
  Received,
  Find,
  ListFiles,
]);
export type PeerRequest = v.InferOutput<typeof PeerRequest>;

/** The requests to a bootstrap. */
export const BootstrapRequest = v.variant("action", [
  Hello,
  Register,
  Announce,
  Withdraw,
  Heartbeat,
  GetPeers,
  Find,
  ListFiles,
  ListSources,
  Goodbye,
  Reach,
  Meet,
  OpenRoom,
  EnterRoom,
  Say,
  Dismiss,
  CloseRoom,
]);
export type BootstrapRequest = v.InferOutput<typeof BootstrapRequest>;

/**
 * `nonce`: 32 random bytes, fresh for each connection. `observed`: the caller as `host:port`. `time`:
 * what the bootstrap's clock says; not all tell it. `registry`: the registry that it shares with other
 * bootstraps, by an id that all of them tell, and how that is: `ready`, `away` or `full`.
 */
export const BootstrapHello = reply("hello", {
  protocol: v.literal(PROTOCOL_VERSION),
  agent: text,
  nonce: hex(32),
  observed: v.pipe(v.string(), v.maxLength(300)),
  time: v.optional(Time),
  registry: v.optional(v.object({ id: shortText, state: shortText })),
});
/** `address` and `port` are what others will be told. */
export const Registered = reply("registered", { address: Host, port: Port });
export const Ok = reply("ok", {});
/** The reply to `heartbeat`: what others are told, and whether a call back to it was answered. */
export const Listed = reply("ok", {
  address: v.optional(Host),
  port: v.optional(Port),
  reachable: v.optional(v.nullable(v.boolean())),
});
/** The member that relays, where the bootstrap itself does not. */
const relay = v.optional(v.object({ host: Host, port: Port }));
/** The reply to `reach`: the ways in which that peer was asked to be reached. */
export const Reaching = reply("reaching", { ways, relay });
/** The reply to `meet` by `punch`: the address of the other's connection, which also has this one's. */
export const Go = reply("go", { host: Host, port: Port });
/** The reply to `meet` by `relay`: the other is there, and hears whatever is sent from now on. */
export const Met = reply("met", {});
/**
 * A notice to a registered peer: the caller seen at `host` wants to reach it. `port` is where it
 * listens.
 */
export const Wanted = v.object({
  action: v.literal("wanted"),
  token: Token,
  ways,
  host: Host,
  port: v.optional(v.pipe(Port, v.minValue(REACH_PORT_LEAST))),
  relay,
});
export type WantedNotice = v.InferOutput<typeof Wanted>;
/** The first line from a peer that calls because it was wanted. From then on it is the callee. */
export const Reversed = v.object({ action: v.literal("reversed"), token: Token });
/** Payload: a JSON array of {@link PeerRecord}. `cursor` asks for the next batch, where there is one. */
export const Peers = reply("peers", { payload, cursor });
/** Payload: a JSON array of {@link Found}. */
export const FoundReply = reply("found", { payload });
/** Payload: a JSON array of {@link FileRecord}. `cursor` as in {@link Peers}. */
export const Files = reply("files", { payload, cursor });
/** Payload: a JSON array of {@link SourceRecord}. `cursor` as in {@link Peers}. */
export const SourceRecords = reply("source_records", { payload, cursor });

/** The reply to `open_room`. */
export const RoomReply = reply("room", { room: RoomNumber });
/**
 * The notices of a room. To its sender: a guest came, said something, or left; the room was closed.
 * To a guest: the sender said something, dismissed it, or the room was closed.
 */
export const RoomNotice = v.variant("action", [
  v.object({ action: v.literal("guest"), guest: GuestNumber, blob: Blob }),
  v.object({ action: v.literal("said"), guest: v.optional(GuestNumber), blob: Blob }),
  v.object({ action: v.literal("left"), guest: GuestNumber }),
  v.object({ action: v.literal("dismissed") }),
  v.object({ action: v.literal("closed") }),
]);
export type RoomNotice = v.InferOutput<typeof RoomNotice>;

/**
 * A peer as a bootstrap lists it. A legacy peer has no `peer` id. `reachable`: whether it answered the
 * bootstrap's last call back there; null before the first was over.
 */
export const PeerRecord = v.object({
  peer: v.optional(PeerId),
  address: Host,
  port: Port,
  agent: v.optional(text),
  files: v.optional(count(Number.MAX_SAFE_INTEGER)),
  reachable: v.optional(v.nullable(v.boolean())),
  labels: v.optional(Labels),
});
export type PeerRecord = v.InferOutput<typeof PeerRecord>;

/** The kind of an announcement's content: a file, or a folder, whose content is its manifest. */
export const Kind = v.picklist(["file", "folder"]);
export type Kind = v.InferOutput<typeof Kind>;

/**
 * The additional fields of a folder: the number of its entries and their bytes, by its manifest.
 */
const folderFields = {
  /** Undefined is a file. */
  kind: v.optional(Kind),
  /** Files, folders and links. */
  entries: v.optional(count(Number.MAX_SAFE_INTEGER)),
  /** Bytes of all files together. */
  bytes: v.optional(FileSize),
};

/**
 * A publisher's announcement of a file or folder. `signature` is the publisher's, over the bytes
 * that trust/announcement.ts lays out, so that a relay can't alter it.
 */
export const Announcement = v.object({
  name: Name,
  id: FileId,
  size: FileSize,
  /** The time of the file's last modification. */
  mtime: Time,
  /** The time of the announcement; of two by one publisher for one name, the later one holds. */
  time: Time,
  publisher: PeerId,
  ...folderFields,
  signature: hex(64),
});
export type Announcement = v.InferOutput<typeof Announcement>;

/** A file that a peer holds under a name. */
export const Holding = v.object({ name: Name, id: FileId });
export type Holding = v.InferOutput<typeof Holding>;

/**
 * An announcement and the sources of its content: `total` of them, of which at most 50 are named.
 */
export const Found = v.object({
  announcement: Announcement,
  sources: v.pipe(v.array(PeerRecord), v.maxLength(SOURCES_CAP)),
  total: count(Number.MAX_SAFE_INTEGER),
});
export type Found = v.InferOutput<typeof Found>;

/** One line of a listing: a name, what it stands for, and how many sources it has. */
export const FileRecord = v.object({
  name: Name,
  id: FileId,
  size: FileSize,
  mtime: Time,
  time: Time,
  publisher: PeerId,
  ...folderFields,
  sources: count(Number.MAX_SAFE_INTEGER),
});
export type FileRecord = v.InferOutput<typeof FileRecord>;

/** A peer, and a content under the name that was asked for, which it has in whole or in part. */
export const SourceRecord = v.object({
  ...PeerRecord.entries,
  id: FileId,
  publisher: PeerId,
  time: Time,
  size: FileSize,
  kind: v.optional(Kind),
});
export type SourceRecord = v.InferOutput<typeof SourceRecord>;
