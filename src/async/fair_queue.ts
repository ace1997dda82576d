import { setImmediate } from "node:timers/promises";

/** Callers that are remembered beside those that wait, before the ones that are due are forgotten. */
const REMEMBERED = 1_000;

/**
 * A queue for heavy work, one piece at a time. Whatever else is due comes first: it is all done on
 * this thread, and a question that takes a tenth of a millisecond must not wait for a hundred lists.
 * The turn is that of the caller that has used the least time, so one with much to do delays another
 * by one piece alone.
 */
export class FairQueue {
  readonly #now: () => number;
  /** Work that waits, by caller; of callers that used the same time, the first has its turn first. */
  readonly #waiting = new Map<string, (() => void)[]>();
  /** The time that callers have used since nobody waited, in milliseconds, where it is above {@link #least}. */
  readonly #used = new Map<string, number>();
  /** The time that a caller which comes now is taken to have used. */
  #least = 0;
  #busy = false;

  /** `now`: milliseconds from any starting point. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Does the work when it is the caller's turn; the work of one caller in the order of the calls. */
  async take<T>(work: () => T | Promise<T>, caller = ""): Promise<T> {
    if (this.#busy) await this.#turn(caller);
    this.#busy = true;
    let begun: number | undefined;
    try {
      await setImmediate();
      begun = this.#now();
      return await work();
    } finally {
      const took = this.#now() - (begun ?? this.#now());
      this.#used.set(caller, this.#usedBy(caller) + took);
      this.#next();
    }
  }

  #turn(caller: string): Promise<void> {
    return new Promise((resolve) => {
      const own = this.#waiting.get(caller);
      if (own) own.push(resolve);
      else this.#waiting.set(caller, [resolve]);
    });
  }

  /** Passes the turn on; the queue stays busy until nobody waits. */
  #next(): void {
    let next: string | undefined;
    let least = Infinity;
    for (const caller of this.#waiting.keys()) {
      const used = this.#usedBy(caller);
      if (used < least) [next, least] = [caller, used];
    }
    const own = next === undefined ? undefined : this.#waiting.get(next);
    if (next === undefined || !own) {
      this.#used.clear();
      this.#least = 0;
      this.#busy = false;
      return;
    }
    this.#least = least;
    this.#forget();
    const begin = own.shift();
    this.#waiting.delete(next);
    if (own.length > 0) this.#waiting.set(next, own);
    begin?.();
  }

  #usedBy(caller: string): number {
    return Math.max(this.#least, this.#used.get(caller) ?? 0);
  }

  /** Forgets callers that used no more than one that comes now. */
  #forget(): void {
    if (this.#used.size <= this.#waiting.size + REMEMBERED) return;
    for (const [caller, used] of this.#used) if (used <= this.#least) this.#used.delete(caller);
  }
}
