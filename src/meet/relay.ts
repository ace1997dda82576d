/**
 * A relay: two peers that have no other way have it pass on what they say. It goes nowhere by itself:
 * both ends call it, so it is no proxy to elsewhere, and sends nothing that it was not sent.
 */
import { RateLimiter } from "../async/rate_limiter.ts";
import { deadline } from "../async/deadline.ts";
import { abortable } from "../async/retry.ts";
import { Tally } from "../async/tally.ts";
import { Refused } from "../wire/answerer.ts";
import { groupOf } from "../wire/ip_address.ts";
import type { Socket } from "../wire/transport.ts";
import { carry } from "./carry.ts";
import { Meetings, type MeetingsOptions } from "./meetings.ts";

/** Pairs at one time: at most 17 MB of buffers. */
const CIRCUITS_MOST = 64;
/** The same that one address is an end of: the peers of a household or an office. */
const CIRCUITS_MOST_PER_ADDRESS = 8;
/** The same between two addresses. */
const CIRCUITS_MOST_PER_PAIR = 4;
/** Bytes of one pair, then it has to meet anew: what is fetched continues, and others get a chance. */
const CIRCUIT_BYTES = 4 * 2 ** 30;
/** Time after which a pair that says nothing is parted, in milliseconds. */
const IDLE_MS = 120_000;
/** Time for the second end to take what was agreed, in milliseconds. */
const BEGIN_MS = 10_000;
/** The retry-after where all places are taken, in seconds. */
const FULL_RETRY_S = 30;
/** The same where all that it may pass on has been, in seconds. */
const SPENT_RETRY_S = 3_600;

/** Most that a relay passes on. */
export interface RelayLimits {
  /** Bytes a second, all pairs and both ways together. */
  rate: number;
  /** Bytes in all, until the process ends. Default no limit. */
  total?: number;
}

export interface RelayOptions extends RelayLimits, MeetingsOptions {
  /** @default CIRCUITS_MOST */
  maxCircuits?: number;
  /** @default CIRCUITS_MOST_PER_ADDRESS */
  maxPerAddress?: number;
  /** @default CIRCUITS_MOST_PER_PAIR */
  maxPerPair?: number;
  /** @default CIRCUIT_BYTES */
  circuitBytes?: number;
  /** @default IDLE_MS */
  idleMs?: number;
}

/** One end of a pair that has met, and not begun yet. */
export interface RelayEnd {
  /** Passes on what it says, and closes it when either end has closed. Resolves then. */
  carry(socket: Socket): Promise<void>;
  /** Parts the pair, unless {@link carry} was called. */
  leave(): void;
}

/** One that waits, and what it agreed on with the other. */
interface Guest {
  host: string;
  pair?: Pair;
}

interface Pair {
  hosts: [string, string];
  sockets: Socket[];
  bytes: number;
  over: AbortController;
}

export class Relay {
  readonly #options: RelayOptions;
  readonly #limiter: RateLimiter;
  readonly #meetings: Meetings<Guest>;
  readonly #perAddress = new Tally();
  readonly #perPair = new Tally();
  readonly #pairs = new Set<Pair>();
  #passed = 0;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#limiter = new RateLimiter(options.rate);
    this.#meetings = new Meetings(options);
  }

  /** Pairs at this time. */
  get pairs(): number {
    return this.#pairs.size;
  }

  /** Bytes that were passed on. */
  get passed(): number {
    return this.#passed;
  }

  /**
   * Waits for the other end that has the same token. `host` is the address that this one counts for.
   * Throws a Refused `not_met` or `busy`, or the signal's reason.
   */
  async meet(token: string, host: string, signal: AbortSignal): Promise<RelayEnd> {
    const [first, second] = await this.#meetings.meet(token, { host } as Guest, host, signal);
    const pair = first.pair ??= this.#open([first.host, second.host]);
    let begun = false;
    return {
      carry: async (socket) => {
        begun = true;
        pair.sockets.push(socket);
        using _late = deadline(BEGIN_MS, () => pair.sockets.length < 2 && pair.over.abort());
        if (pair.sockets.length === 2) await this.#carry(pair);
        else await abortable(new Promise<never>(() => {}), pair.over.signal).catch(() => {});
        socket.close();
      },
      leave: () => begun || pair.over.abort(),
    };
  }

  /** Parts all pairs. */
  stop(): void {
    for (const { over } of this.#pairs) over.abort();
  }

  /** Takes a place for a pair. Throws a Refused `busy` where there is none. */
  #open(hosts: [string, string]): Pair {
    const {
      total = Infinity,
      maxCircuits = CIRCUITS_MOST,
      maxPerAddress = CIRCUITS_MOST_PER_ADDRESS,
      maxPerPair = CIRCUITS_MOST_PER_PAIR,
    } = this.#options;
    if (this.#passed >= total) {
      throw new Refused("busy", "this relay has passed on all that it may", SPENT_RETRY_S);
    }
    const why = this.#pairs.size >= maxCircuits
      ? `at most ${maxCircuits} pairs`
      : groupsOf(hosts).some((group) => this.#perAddress.of(group) >= maxPerAddress)
      ? `at most ${maxPerAddress} pairs of one address`
      : this.#perPair.of(pairKey(hosts)) >= maxPerPair
      ? `at most ${maxPerPair} pairs between two addresses`
      : undefined;
    if (why) throw new Refused("busy", `this relay carries ${why}`, FULL_RETRY_S);
    const pair: Pair = { hosts, sockets: [], bytes: 0, over: new AbortController() };
    this.#pairs.add(pair);
    this.#count(hosts, 1);
    pair.over.signal.addEventListener("abort", () => {
      this.#pairs.delete(pair);
      this.#count(hosts, -1);
    }, { once: true });
    return pair;
  }

  #count(hosts: [string, string], units: number): void {
    for (const group of groupsOf(hosts)) this.#perAddress.add(group, units);
    this.#perPair.add(pairKey(hosts), units);
  }

  async #carry(pair: Pair): Promise<void> {
    const { total = Infinity, circuitBytes = CIRCUIT_BYTES, idleMs = IDLE_MS } = this.#options;
    const [one, other] = pair.sockets as [Socket, Socket];
    try {
      await carry(one, other, {
        limiter: this.#limiter,
        idleMs,
        signal: pair.over.signal,
        mayPass: (bytes) => {
          this.#passed += bytes;
          pair.bytes += bytes;
          return this.#passed <= total && pair.bytes <= circuitBytes;
        },
      });
    } finally {
      pair.over.abort();
    }
  }
}

/** The groups that a pair's ends are counted under, each once; loopback has none. */
function groupsOf(hosts: [string, string]): string[] {
  return [...new Set(hosts.map(groupOf).filter((group) => group !== undefined))];
}

/** The same for both orders. Those on this machine count by their own addresses here, too. */
function pairKey(hosts: [string, string]): string {
  return hosts.map((host) => groupOf(host) ?? host).sort().join(" ");
}
