import { type Clock, realClock } from "./clock.ts";

/** Time for which a limiter saves up bytes that were not requested, in milliseconds. */
const BURST_MS = 50;
/**
 * Time for which it saves up while a consumer waits that a late timer let down, in milliseconds.
 */
const CATCH_UP_MS = 250;
/** Time in which bytes that passed without asking are made up for, at most, in milliseconds. */
const DEBT_MS = 1_000;
/** Least and most bytes in a piece. */
const PIECE_LEAST = 4_096;
const PIECE_MOST = 1 << 20;

interface Waiter {
  bytes: number;
  resolve: () => void;
}

/**
 * Lets bytes pass at a rate, exact over seconds, first come first served. What moves more than a
 * little asks piece by piece, so that many move side by side.
 */
export class RateLimiter {
  readonly #clock: Clock;
  #rate: number | undefined;
  /** Bytes that may pass now; below zero when more has passed than was saved up. */
  #saved = 0;
  #savedAt: number;
  #waiting: Waiter[] = [];
  #callOff: (() => void) | undefined;

  /** `rate` is in bytes per second; undefined is no limit. Throws a RangeError unless it is above 0. */
  constructor(rate: number | undefined, clock: Clock = realClock) {
    this.#clock = clock;
    this.#savedAt = clock.now();
    this.#rate = checked(rate);
  }

  /** Bytes per second; undefined is no limit. Takes effect at once, also for waiting consumers. */
  get rate(): number | undefined {
    return this.#rate;
  }

  set rate(rate: number | undefined) {
    this.#save();
    this.#rate = checked(rate);
    // What was saved up or asked for at a high rate would last for minutes at a low one.
    this.#saved = Math.max(-this.#most(DEBT_MS), Math.min(this.#saved, this.#most(BURST_MS)));
    for (const waiter of this.#waiting) waiter.bytes = Math.min(waiter.bytes, this.piece);
    this.#grant();
  }

  /** Bytes to ask for at a time: what passes in 50 ms, within 4 KiB and 1 MiB; no limit, no end. */
  get piece(): number {
    if (this.#rate === undefined) return Infinity;
    return Math.max(PIECE_LEAST, Math.min(PIECE_MOST, Math.floor(this.#most(BURST_MS))));
  }

  /** Resolves when `bytes` bytes may pass. Rejects with the signal's reason when it aborts before. */
  take(bytes: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#rate === undefined) return Promise.resolve();
    this.#save();
    if (this.#waiting.length === 0 && this.#saved >= this.#needed(bytes)) {
      this.#saved -= bytes;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#waiting = this.#waiting.filter((one) => one !== waiter);
        reject(signal!.reason);
        this.#grant();
      };
      const waiter = {
        bytes,
        resolve: () => {
          signal?.removeEventListener("abort", abort);
          resolve();
        },
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiting.push(waiter);
      this.#grant();
    });
  }

  /** Counts bytes that pass without waiting: those after them wait for as long. */
  spend(bytes: number): void {
    if (this.#rate === undefined) return;
    this.#save();
    this.#saved = Math.min(this.#saved, Math.max(this.#saved - bytes, -this.#most(DEBT_MS)));
  }

  /** Lets pass what may, and comes back when more may. */
  #grant(): void {
    this.#callOff?.();
    this.#callOff = undefined;
    this.#save();
    for (let first; (first = this.#waiting[0]);) {
      const { bytes, resolve } = first;
      if (this.#rate !== undefined) {
        const lacking = this.#needed(bytes) - this.#saved;
        if (lacking > 0) {
          const ms = Math.ceil((lacking / this.#rate) * 1_000);
          this.#callOff = this.#clock.after(ms, () => this.#grant());
          return;
        }
        this.#saved -= bytes;
      }
      this.#waiting.shift();
      resolve();
    }
  }

  #save(): void {
    const now = this.#clock.now();
    const most = this.#most(this.#waiting.length > 0 ? CATCH_UP_MS : BURST_MS);
    const earned = ((now - this.#savedAt) / 1_000) * (this.#rate ?? 0);
    this.#saved = Math.max(this.#saved, Math.min(most, this.#saved + earned));
    this.#savedAt = now;
  }

  /** The bytes to save up before so many pass: a piece larger than that makes a debt. */
  #needed(bytes: number): number {
    return Math.min(bytes, this.#most(BURST_MS));
  }

  /** Bytes in so many milliseconds. */
  #most(ms: number): number {
    return ((this.#rate ?? 0) * ms) / 1_000;
  }
}

function checked(rate: number | undefined): number | undefined {
  if (rate === undefined || rate > 0 && Number.isFinite(rate)) return rate;
  throw new RangeError(`Cannot limit to ${rate} bytes per second: it must be a number above 0`);
}
