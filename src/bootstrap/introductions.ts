import { LruMap } from "../async/lru_map.ts";
import { Refused } from "../wire/answerer.ts";
import type { Address } from "../wire/address.ts";
import { isInScope } from "../wire/ip_address.ts";
import { MEET_MS, type WantedNotice, type Way } from "../wire/protocol.ts";
import { MAX_INTRODUCTIONS } from "./limits.ts";

/** Time for which both peers may come to meet, in milliseconds: each waits for the other once. */
const INTRODUCTION_MS = 2 * MEET_MS;

/** A registered peer as it can be told something. */
export interface Reachable {
  /** The address that its registration came from. */
  host: string;
  /** The ways that it said it has. */
  ways: Way[];
  /** Sends it a notice. */
  tell(notice: WantedNotice): void;
}

/** A caller's wish to reach a peer. */
interface Wish {
  token: string;
  ways: Way[];
  /** The address that the caller was seen at. */
  host: string;
  /** The port at which it listens. */
  port?: number;
}

/** Tells registered peers which others want to reach them, and remembers the tokens with which they meet. */
export class Introductions {
  /** By token: the ways that were named, and until when. */
  readonly #known = new LruMap<string, { ways: Way[]; until: number }>(MAX_INTRODUCTIONS);
  readonly #offered: readonly Way[];
  readonly #now: () => number;

  /** `offered` are the ways that this bootstrap has a part in. */
  constructor(offered: readonly Way[], now: () => number = () => performance.now()) {
    this.#offered = offered;
    this.#now = now;
  }

  /**
   * Tells the peer; returns the ways that it was told of. Nobody in a network is told to a peer outside
   * of it: to that one the address would mean another machine. `relay` is another that relays.
   */
  introduce(
    peer: Reachable,
    { token, host, port, ways: wanted }: Wish,
    relay?: Address,
  ): Way[] {
    if (this.#known.peek(token)) throw new Refused("bad_message", "that token was used before");
    const isCallable = isInScope(host, peer.host);
    const ways = wanted.filter((way) =>
      peer.ways.includes(way) &&
      (this.#offered.includes(way) || way === "relay" && relay !== undefined) &&
      (way !== "reverse" || isCallable && port !== undefined)
    );
    if (ways.length === 0) return [];
    this.#known.set(token, { ways, until: this.#now() + INTRODUCTION_MS });
    peer.tell({ action: "wanted", token, ways, host, port, relay });
    return ways;
  }

  /** Throws a Refused `not_met` unless that way was named with the token, a short time ago. */
  require(token: string, way: Way): void {
    const known = this.#known.get(token);
    if (known && known.until > this.#now() && known.ways.includes(way)) return;
    throw new Refused("not_met", "nobody is to be met with that token");
  }
}
