import { Fault } from "../fault.ts";
import { Backoff, retry, type RetryOptions } from "../peer/retry.ts";

/** The first pause between two tries, and the longest, in milliseconds. */
const PAUSES = { first: 100, longest: 2_000 };

/**
 * Tries something again for as long as somebody else holds what it needs (a `held` Fault), but for no
 * longer than `waitMs`; then that Fault is thrown. Throws the signal's reason.
 */
export function whileHeld<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  const isHeld = (error: unknown) => error instanceof Fault && error.kind === "held";
  return retry(work, isHeld, new Backoff(PAUSES), options);
}
