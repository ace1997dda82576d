import { setImmediate } from "node:timers/promises";
import { Mutex } from "./mutex.ts";

/**
 * A queue for the heavy work of all connections, one piece at a time. Whatever else is due comes first:
 * it is all done on this thread, and a question that takes a tenth of a millisecond must not wait for a
 * hundred lists.
 */
export class FairQueue {
  readonly #mutex = new Mutex();

  /** Does the work when it is its turn. */
  take<T>(work: () => Promise<T>): Promise<T> {
    return this.#mutex.run(async () => {
      await setImmediate();
      return await work();
    });
  }
}
