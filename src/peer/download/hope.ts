import { LEAST_RATE, PAYLOAD_CAP, PROGRESS_MS } from "../../wire/protocol.ts";
import { TICK_MS, UNREACHED_MS, WAIT_MS } from "./source_search.ts";

/** The longest that one honest reply takes at the least rate, in milliseconds. */
const REPLY_MS = PROGRESS_MS + 1_000 * PAYLOAD_CAP / LEAST_RATE;

export interface HopeOptions {
  /**
   * The time for which to do without progress, in milliseconds. Default {@link WAIT_MS}, and {@link
   * UNREACHED_MS} while no source was ever reached.
   */
  waitMs?: number;
  /** Bytes per second that count as progress. @default LEAST_RATE */
  leastRate?: number;
  /** Milliseconds from any starting point. @default performance.now */
  now?: () => number;
}

/**
 * Decides when a download has waited for long enough. Progress is content that arrives, at a least rate:
 * a source that is connected, or says that it has everything, or sends a byte now and then, is none. What
 * arrives and is never right buys no more than the time of one reply.
 */
export class Hope {
  readonly #options: HopeOptions;
  readonly #now: () => number;
  #lastTick: number;
  #arrived = 0;
  /** Time that no bytes made up for, in milliseconds. */
  #silentMs = 0;
  /** Time since something was verified, in milliseconds. */
  #barrenMs = 0;
  #waitedMs = 0;
  #isUnreached = false;

  constructor(options: HopeOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#lastTick = this.#now();
  }

  /**
   * Takes the time that passed, and `arrived`, the bytes of content that came in all. To be called every
   * {@link TICK_MS}; `waiting` is false while nothing can be expected of any source, `isUnreached` true
   * when all that are known failed to be reached.
   */
  tick(arrived: number, { waiting = true, isUnreached = false } = {}): void {
    const now = this.#now();
    // Time that this process spent asleep or starved is none that the sources had.
    const passed = Math.min(now - this.#lastTick, 2 * TICK_MS);
    this.#lastTick = now;
    const { leastRate = LEAST_RATE } = this.#options;
    const bought = 1_000 * (arrived - this.#arrived) / leastRate;
    this.#arrived = arrived;
    if (!waiting) return;
    this.#isUnreached = isUnreached;
    this.#waitedMs += passed;
    this.#silentMs = Math.max(0, this.#silentMs + passed - bought);
    this.#barrenMs += passed;
  }

  /** Content that came is right, or was found on this machine. */
  verified(): void {
    this.#barrenMs = 0;
  }

  get lost(): boolean {
    const { waitMs = WAIT_MS } = this.#options;
    const isUnreached = this.#isUnreached && this.#options.waitMs === undefined;
    return isUnreached && this.#waitedMs >= UNREACHED_MS || this.#silentMs >= waitMs ||
      this.#barrenMs >= waitMs + REPLY_MS;
  }
}
