import { setImmediate } from "node:timers/promises";

/**
 * Has heavy work of all connections done piece by piece, with a pause before each in which whatever
 * else there is comes first: it is all done on this thread, and a question that takes a tenth of a
 * millisecond is not to wait for a hundred lists.
 */
export class FairQueue {
  #last: Promise<unknown> = Promise.resolve();

  /** What `work` comes to, when it is its turn. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(() => setImmediate()).then(work);
    this.#last = done.catch(() => {});
    return done;
  }
}
