import { within } from "../async/deadline.ts";
import { abortable } from "../async/retry.ts";
import { Tally } from "../async/tally.ts";
import { Refused } from "../wire/answerer.ts";
import { groupOf } from "../wire/ip_address.ts";
import { MEET_MS } from "../wire/protocol.ts";

/** Visitors that wait at one time, in all. */
const WAITING_MOST = 2_000;
/** The same for one address: a peer behind it comes in two ways for each that wants to reach it. */
const WAITING_MOST_PER_ADDRESS = 256;
/** The retry-after for one visitor too many, in seconds: the others wait no longer. */
const RETRY_S = MEET_MS / 1_000;

export interface MeetingsOptions {
  /** Time to wait for the other, in milliseconds. @default MEET_MS */
  ms?: number;
  /** @default WAITING_MOST */
  most?: number;
  /** @default WAITING_MOST_PER_ADDRESS */
  mostPerAddress?: number;
}

interface Waiting<T> {
  guest: T;
  resolve: (both: [T, T]) => void;
}

/** Brings together the two that come with the same words. */
export class Meetings<T> {
  readonly #options: Required<MeetingsOptions>;
  readonly #waiting = new Map<string, Waiting<T>>();
  readonly #perAddress = new Tally();

  constructor(options: MeetingsOptions = {}) {
    this.#options = {
      ms: options.ms ?? MEET_MS,
      most: options.most ?? WAITING_MOST,
      mostPerAddress: options.mostPerAddress ?? WAITING_MOST_PER_ADDRESS,
    };
  }

  /** Visitors that wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Waits for the other that says the same `words`. Both get the same: the guest of the one that came
   * first, then the other's. `host` is the address that this one counts for. Throws a Refused `not_met`
   * when no other comes in time, or `busy` when too many wait; or the signal's reason.
   */
  async meet(words: string, guest: T, host: string, signal: AbortSignal): Promise<[T, T]> {
    const first = this.#waiting.get(words);
    if (first) {
      this.#waiting.delete(words);
      const both: [T, T] = [first.guest, guest];
      first.resolve(both);
      return both;
    }
    const { ms, most, mostPerAddress } = this.#options;
    const group = groupOf(host);
    if (
      this.#waiting.size >= most ||
      group !== undefined && this.#perAddress.of(group) >= mostPerAddress
    ) {
      throw new Refused("busy", "too many wait here for others", RETRY_S);
    }
    const { promise, resolve } = Promise.withResolvers<[T, T]>();
    const waiting = { guest, resolve };
    this.#waiting.set(words, waiting);
    if (group !== undefined) this.#perAddress.add(group);
    try {
      const both = await within(abortable(promise, signal), ms);
      if (!both) throw new Refused("not_met", "the other peer did not come");
      return both;
    } finally {
      if (this.#waiting.get(words) === waiting) this.#waiting.delete(words);
      if (group !== undefined) this.#perAddress.add(group, -1);
    }
  }
}
