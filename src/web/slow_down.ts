import { groupOf } from "../wire/ip_address.ts";
import { LruMap } from "../async/lru_map.ts";

/** Failures that cost nothing: people mistype. */
const FREE = 3;
/** The first pause, in milliseconds; each further failure doubles it, up to the last. */
const FIRST_MS = 1_000;
const LAST_MS = 5 * 60_000;
/** A caller that failed nothing for this long is forgotten, in milliseconds. */
const FORGET_MS = 30 * 60_000;
/** Most callers that are remembered; the one that failed longest ago gives way. */
const CAP = 1_000;

interface SlowDownOptions {
  /** Milliseconds from any starting point; never goes back. Default the process's. */
  now?: () => number;
}

/** Makes guessers wait: longer after each failure, by address. */
export class SlowDown {
  readonly #now: () => number;
  readonly #callers = new LruMap<string, { failures: number; last: number }>(CAP);

  constructor({ now = () => performance.now() }: SlowDownOptions = {}) {
    this.#now = now;
  }

  /** Milliseconds until `address` may try again; 0 when it may now. */
  wait(address: string): number {
    const caller = this.#callers.peek(keyOf(address));
    if (!caller || caller.failures < FREE) return 0;
    const pause = Math.min(LAST_MS, FIRST_MS * 2 ** Math.min(30, caller.failures - FREE));
    return Math.max(0, caller.last + pause - this.#now());
  }

  failed(address: string): void {
    const network = keyOf(address);
    const now = this.#now();
    const before = this.#callers.get(network);
    const failures = before && now - before.last < FORGET_MS ? before.failures : 0;
    this.#callers.set(network, { failures: failures + 1, last: now });
  }

  passed(address: string): void {
    this.#callers.delete(keyOf(address));
  }
}

/** The key that a caller's failures are counted under. */
function keyOf(address: string): string {
  return groupOf(address) ?? "loopback";
}
