import { within } from "./deadline.ts";
import { abortable } from "./retry.ts";

/**
 * A condition variable: tasks wait on it until something has changed, then look again. A notification
 * wakes the tasks that wait at that moment, so nothing may be awaited between the look and the wait.
 */
export class Condition {
  #next = Promise.withResolvers<void>();

  /** Resolves at the next notification; rejects with the signal's reason when it aborts before. */
  wait(signal?: AbortSignal): Promise<void> {
    return abortable(this.#next.promise, signal);
  }

  /** Resolves at the next notification with true, or with false after `ms` milliseconds; rejects as {@link wait}. */
  async waitFor(ms: number, signal?: AbortSignal): Promise<boolean> {
    return await within(this.wait(signal).then(() => true), ms) ?? false;
  }

  /** Wakes all tasks that wait. */
  notifyAll(): void {
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  }
}
