import { Fault } from "../../fault.ts";
import { Backoff, retry, type RetryOptions } from "../../async/retry.ts";

/** The first pause between two looks, and the longest, in milliseconds. */
const PAUSES = { first: 250, longest: 5_000 };

/**
 * Looks for something until it is found, or until `waitMs` have passed: then what the last look
 * failed with is thrown. Only what time may mend is waited for: a name without a source yet, and
 * bootstraps that can't be reached. Without `waitMs` there is one look.
 */
export function untilFound<T>(find: () => Promise<T>, options: RetryOptions): Promise<T> {
  const mayMend = (error: unknown) =>
    error instanceof Fault && ["not_found", "network"].includes(error.kind);
  return retry(find, mayMend, new Backoff(PAUSES), options);
}
