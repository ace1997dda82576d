/** Failures that cost nothing: people mistype. */
const FREE = 3;
/** The first pause, in milliseconds; each further failure doubles it, up to the last. */
const FIRST_MS = 1_000;
const LAST_MS = 5 * 60_000;
/** A caller that failed nothing for this long is forgotten, in milliseconds. */
const FORGET_MS = 30 * 60_000;
/** Most callers that are remembered; the one that failed longest ago gives way. */
const CAP = 1_000;

export interface SlowDownOptions {
  /** Milliseconds from any starting point; never goes back. Default the process's. */
  now?: () => number;
}

/** Makes whoever guesses wait: longer after each failure, by address. */
export class SlowDown {
  readonly #now: () => number;
  readonly #callers = new Map<string, { failures: number; last: number }>();

  constructor({ now = () => performance.now() }: SlowDownOptions = {}) {
    this.#now = now;
  }

  /** Milliseconds until `address` may try again; 0 when it may now. */
  wait(address: string): number {
    const caller = this.#callers.get(networkOf(address));
    if (!caller || caller.failures < FREE) return 0;
    const pause = Math.min(LAST_MS, FIRST_MS * 2 ** Math.min(30, caller.failures - FREE));
    return Math.max(0, caller.last + pause - this.#now());
  }

  failed(address: string): void {
    const network = networkOf(address);
    const now = this.#now();
    const before = this.#callers.get(network);
    const failures = before && now - before.last < FORGET_MS ? before.failures : 0;
    this.#callers.delete(network);
    for (const [oldest] of this.#callers) {
      if (this.#callers.size < CAP) break;
      this.#callers.delete(oldest);
    }
    this.#callers.set(network, { failures: failures + 1, last: now });
  }

  passed(address: string): void {
    this.#callers.delete(networkOf(address));
  }
}

/** An IPv4 address, or the /64 of an IPv6 address: one machine has as many of those as it likes. */
function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped) return mapped[1];
  const [head, tail] = address.toLowerCase().split("%")[0].split("::");
  const before = head.split(":").filter(Boolean);
  const after = tail?.split(":").filter(Boolean) ?? [];
  const zeros = new Array(Math.max(0, 8 - before.length - after.length)).fill("0");
  return [...before, ...zeros, ...after].slice(0, 4).join(":");
}
