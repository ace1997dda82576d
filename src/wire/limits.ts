/** The protocol's numbers: sizes, caps and times (docs/protocol.md). Nothing else is loaded with them. */
export { BLOCK_DIGESTS, CHUNK_SIZE, DIGEST_SIZE } from "../content/sizes.ts";
/** Most chunks in one `get_chunks`: full ones are exactly one payload. */
export const REQUEST_CHUNKS = 16;

/** The version said in `hello`. A callee that doesn't speak it answers `error` and closes. */
export const PROTOCOL_VERSION = 1;

/** Most bytes in a line, its newline included. */
export const LINE_CAP = 65_536;
/** Most bytes in a payload. */
export const PAYLOAD_CAP = 1 << 20;
/** Most levels of digest blocks: files end at 2^53 bytes, which four levels cover. */
export const TREE_LEVELS = 4;
/** Most characters shown of another program's `agent` or error text. */
export const TEXT_CAP = 200;
/** Most announcements in one `announce`, and entries in one batch of a list. */
export const LIST_CAP = 1_000;
/** Most files in one `get_files`; their ids fit a line. */
export const FILES_CAP = 500;
/** Most sources named for one file in a `found` reply; more are drawn at random. */
export const SOURCES_CAP = 50;

/** Least port that a peer may be asked to call: below are mail servers and the like. */
export const REACH_PORT_LEAST = 1_024;
/** A `meet` is answered within this time, in milliseconds: then the other end hasn't come. */
export const MEET_MS = 10_000;

/** Time for a connection to be opened and for `hello` to be answered, in milliseconds. */
export const HANDSHAKE_MS = 10_000;
/** A callee closes a connection that says nothing for this long, in milliseconds. */
export const IDLE_MS = 120_000;
/** Either side gives up on a message that makes no progress for this long, in milliseconds. */
export const PROGRESS_MS = 20_000;
/**
 * Least rate of a message in bytes per second: either side gives up on one that takes longer than
 * {@link PROGRESS_MS} and its size at this rate, however steadily it drips.
 */
export const LEAST_RATE = 1_024;
/** Interval of a peer's `heartbeat`, in milliseconds, before ± 20 % jitter. */
export const HEARTBEAT_MS = 30_000;
/** A callee gives a caller so long for a whole payload, in milliseconds: 1 MiB at 17 KB/s. */
export const PAYLOAD_MS = 60_000;
/** A bootstrap forgets a peer that was silent for this long, in milliseconds. */
export const SILENCE_MS = 90_000;
/** Most characters that a party of a room says at a time: a key exchange takes about 1,000. */
export const BLOB_CAP = 4_096;
/** Most labels of a peer: a registry holds them for each. */
export const LABELS_CAP = 8;
