/**
 * The limits of a bootstrap, and why they are these. "One address" is an IPv4 address or an IPv6 /64;
 * loopback counts towards the totals alone (wire/ip_address.ts). No address can have the whole of any
 * of them. Fifty peers behind one address, a busy fleet's, notice none.
 */

import type { Rate } from "../async/token_bucket.ts";

/** Connections at one time. An idle one costs about 20 KB, so that all of them stay below 250 MB. */
export const MAX_CONNECTIONS = 10_000;
/** Connections of one address: two of each peer of a fleet, five times over. */
export const MAX_CONNECTIONS_PER_ADDRESS = 512;
/** Connections being told `busy` at a time; more are closed without a word. */
export const MAX_REFUSING = 64;
/**
 * Time in which a caller that gets `busy` must send something before it is closed, in milliseconds.
 */
export const REFUSING_MS = 1_000;

/**
 * Requests that are read ahead of the one being answered: to check one costs as much as to answer it,
 * and many that are sent in one go are not to keep others waiting.
 */
export const READ_AHEAD = 8;

/** Bytes that a connection has for lines as long as it sends no longer ones: few are. */
export const FIRST_BUFFER = 1_024;

/** Peers here at one time, legacy ones among them. */
export const MAX_PEERS = 20_000;
/** Peers of one address: a fleet, ten times over. */
export const MAX_PEERS_PER_ADDRESS = 512;
/** Names that one peer may hold content under. */
export const MAX_HOLDINGS = 100_000;
/** Names that all peers of one address may hold together. */
export const MAX_HOLDINGS_PER_ADDRESS = 300_000;
/** Names of all peers together: about 1 GB of memory. */
export const MAX_TOTAL_HOLDINGS = 1_000_000;
/** Bytes of all those names together, as UTF-8: they may be 1,024 bytes each, and seldom are. */
export const MAX_NAME_BYTES = 256 << 20;
/** The same for one address: 223 bytes for each of its names. */
export const MAX_NAME_BYTES_PER_ADDRESS = 64 << 20;

/** Peers of all bootstraps of one registry together: 60 bytes of Redis's memory each. */
export const MAX_SHARED_PEERS = 2_000_000;
/** Names of all of them together: 4 to 55 bytes of Redis's memory each, and 700 where it is the first. */
export const MAX_SHARED_HOLDINGS = 20_000_000;
/** Bytes of all those names together. */
export const MAX_SHARED_NAME_BYTES = 4 * 2 ** 30;

/** Bytes of payloads being received at one time: what a bootstrap has room for all at once. */
export const MAX_PAYLOADS = 16 << 20;
/** The same for one address: 4 of the largest payloads. */
export const MAX_PAYLOADS_PER_ADDRESS = 4 << 20;
/** Lists being sent at one time, in a buffer of 1 MiB each. */
export const MAX_LISTS = 16;
/** The same for one address. */
export const MAX_LISTS_PER_ADDRESS = 4;
/** Bytes of a list that is not counted: callers that never read must not keep small answers from others. */
export const SMALL_LIST = 16_384;
/** Time for a whole reply to be taken, in milliseconds: at worst 1 MiB at 17 KB/s. */
export const REPLY_MS = 60_000;

/** A kind of request. Each is counted by itself, so that a flood of one leaves the others alone. */
export type RequestKind =
  /** A connection is opened. It costs about as much as a question. */
  | "connect"
  /** hello, find, heartbeat, goodbye: about 0.1 ms each. */
  | "ask"
  /** A batch of a list: up to 10 ms, and 1 MiB to send. */
  | "list"
  /** A registration: two signatures are checked, and a call back is made. */
  | "register"
  /** Announcements and withdrawals, each by itself: a signature is checked in 0.07 ms. */
  | "announce"
  /** A wish to reach a peer that can't be called: another machine is sent a line, and may dial. */
  | "reach"
  /** A room is entered: one guess at a code. */
  | "enter";

export const RATES: Record<RequestKind, { perAddress: Rate; total: Rate }> = {
  connect: { perAddress: { rate: 50, burst: 1_000 }, total: { rate: 2_000, burst: 10_000 } },
  ask: { perAddress: { rate: 500, burst: 5_000 }, total: { rate: 8_000, burst: 20_000 } },
  // All lists together take no more than a quarter of this thread's time in the long run.
  list: { perAddress: { rate: 10, burst: 100 }, total: { rate: 25, burst: 400 } },
  // After a restart, 20,000 peers come back within a little more than three minutes.
  register: { perAddress: { rate: 10, burst: 500 }, total: { rate: 100, burst: 1_000 } },
  // A peer with as many names as it may hold tells of them in one go.
  announce: {
    perAddress: { rate: 2_000, burst: 2 * MAX_HOLDINGS },
    total: { rate: 4_000, burst: 8 * MAX_HOLDINGS },
  },
  // Fifty peers behind one address that fetch from one source, and each tries again now and then.
  reach: { perAddress: { rate: 5, burst: 100 }, total: { rate: 200, burst: 1_000 } },
  // Guesses at codes: 30 a minute, and a family's receivers at once.
  enter: { perAddress: { rate: 0.5, burst: 30 }, total: { rate: 200, burst: 2_000 } },
};

/**
 * Steps of a `find` that count as one more question: entries that it looked at, and sources that it
 * named. A small answer has fewer.
 */
export const STEPS_PER_ASK = 100;

/** Addresses that rates are remembered of at one time; the fullest buckets are forgotten first. */
export const MAX_REMEMBERED = 100_000;
/** The pause after which a caller may try again, once another has left, in seconds. */
export const FULL_RETRY_S = 30;
/**
 * A connection that was told `busy` is not heard again for as long as it was told to wait, twice as
 * long each time in a row, but no longer than this, in milliseconds.
 */
export const PENALTY_MS = 10_000;

/** Tokens of peers that are to meet, remembered at one time; those that were not used for longest go. */
export const MAX_INTRODUCTIONS = 4_000;

/** Call backs under way at a time. */
export const MAX_CALL_BACKS = 64;
/** The same for one address, loopback included: the silent ones of one leave room for the others'. */
export const MAX_CALL_BACKS_PER_ADDRESS = 16;
/** Time for one call back, in milliseconds. */
export const CALL_BACK_MS = 5_000;
/** Time for the look-up of an advertised name, in milliseconds: a name server that is there is quicker. */
export const LOOK_UP_MS = 2_000;
/** Look-ups under way for one address: each has a thread of the system's until it ends. */
export const MAX_LOOK_UPS_PER_ADDRESS = 8;
/** Time until a reached peer is called again, in milliseconds. */
export const RECHECK_MS = 600_000;
/** Time until an unreached peer is called again, in milliseconds: at first, and at most. */
export const RETRY_FIRST_MS = 30_000;
export const RETRY_LONGEST_MS = 1_800_000;

/** Rooms at one time, for hand-overs: each is two connections and about 1 KB. */
export const MAX_ROOMS = 4_096;
/** The same for one address. */
export const MAX_ROOMS_PER_ADDRESS = 64;
/** Receivers that wait in a room at one time: they come and go within a second. */
export const MAX_GUESTS = 64;
/** The same for one address, so that a flood of guesses leaves room for others. */
export const MAX_GUESTS_PER_ADDRESS = 8;
/** Retry-after of a room that is crowded, or whose sender is away, in seconds. */
export const GUESTS_WAIT_S = 1;
/** Longest time that a room stays open without being asked for anew, in milliseconds. */
export const ROOM_MS = 24 * 3_600_000;
/** Time for a sender whose connection broke to come back, in milliseconds. */
export const ROOM_LEFT_MS = 600_000;
/** Time until a number is given again, in milliseconds: an old code leads to nobody. */
export const ROOM_REST_MS = 600_000;
