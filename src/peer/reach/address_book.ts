import type { BackoffOptions } from "../../async/retry.ts";
import { awakeClock } from "../../async/clock.ts";
import { LruMap } from "../../async/lru_map.ts";
import { RETRY_AFTER_CAP } from "../../wire/protocol.ts";

/** Addresses that are remembered. */
const ADDRESSES = 4_096;
/** Failures in a row after which an address is tried far less often. */
const PATIENCE = 8;
/** The factor by which the longest pause is longer then. */
const IMPATIENT = 20;

interface Entry {
  /** In a row. */
  failures: number;
  /** The times when it may be tried again after a failure, and as it asked. */
  restedAt: number;
  askedAt: number;
}

/**
 * The one account of which addresses failed, and when each may be tried again. Addresses that are named
 * once more are no better than before: only content that came from one makes it so.
 */
export class AddressBook {
  readonly #entries = new LruMap<string, Entry>(ADDRESSES);
  /** Those that content came from. */
  readonly #useful = new LruMap<string, true>(ADDRESSES);
  readonly #backoff: Required<BackoffOptions>;
  readonly #now: () => number;

  /** `longest` is by default 15 s. */
  constructor(
    { first = 1_000, longest = 15_000, random = Math.random }: BackoffOptions = {},
    now: () => number = () => awakeClock.now(),
  ) {
    this.#backoff = { first, longest, random };
    this.#now = now;
  }

  /**
   * The time for which an address must still be left alone, in milliseconds. With `anew`, only what it asked for
   * itself counts: a new download may try each address once.
   */
  pauseMs(address: string, { anew = false } = {}): number {
    const entry = this.#entries.peek(address);
    if (!entry) return 0;
    const until = anew ? entry.askedAt : Math.max(entry.restedAt, entry.askedAt);
    return Math.max(0, until - this.#now());
  }

  /** Notes a failure; `retryAfter` is in how many seconds it asked to come back. */
  failed(address: string, { retryAfter }: { retryAfter?: number } = {}): void {
    const entry = this.#entries.get(address) ?? { failures: 0, restedAt: 0, askedAt: 0 };
    const { first, longest, random } = this.#backoff;
    const most = entry.failures < PATIENCE ? longest : longest * IMPATIENT;
    // Up to a half less by chance, so that many who failed together don't come back together.
    const pause = Math.min(most, first * 2 ** Math.min(entry.failures++, 30)) * (1 - random() / 2);
    const now = this.#now();
    entry.restedAt = now + pause;
    if (retryAfter) entry.askedAt = now + 1_000 * Math.min(RETRY_AFTER_CAP, retryAfter);
    this.#entries.set(address, entry);
  }

  /** Notes that content came from there: the next failure is the first again. */
  brought(address: string): void {
    this.#entries.delete(address);
    this.#useful.set(address, true);
  }

  /** True if content ever came from there. */
  hasBrought(address: string): boolean {
    return this.#useful.has(address);
  }
}
