import { setImmediate } from "node:timers/promises";

/**
 * A queue for heavy work, one piece at a time. Whatever else is due comes first: it is all done on
 * this thread, and a question that takes a tenth of a millisecond must not wait for a hundred lists.
 * Callers take turns, so that one with much to do delays another by one piece alone.
 */
export class FairQueue {
  /** Work that waits, by caller; the caller whose turn it is comes first. */
  readonly #waiting = new Map<string, (() => void)[]>();
  #busy = false;

  /** Does the work when it is the caller's turn; the work of one caller in the order of the calls. */
  async take<T>(work: () => T | Promise<T>, caller = ""): Promise<T> {
    if (this.#busy) await this.#turn(caller);
    this.#busy = true;
    try {
      await setImmediate();
      return await work();
    } finally {
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

  /** Passes the turn on, and stays busy until the queue is empty. */
  #next(): void {
    const [first] = this.#waiting;
    if (!first) return void (this.#busy = false);
    const [caller, own] = first;
    const begin = own.shift();
    this.#waiting.delete(caller);
    if (own.length > 0) this.#waiting.set(caller, own);
    begin?.();
  }
}
