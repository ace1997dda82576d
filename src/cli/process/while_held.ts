import { Fault } from "../../fault.ts";
import { Backoff, retry, type RetryOptions } from "../../async/retry.ts";

/** The first pause between two tries, and the longest, in milliseconds. */
const PAUSES = { first: 100, longest: 2_000 };

/**
 * Retries for as long as another process holds what is needed (a `held` Fault), but for no longer
 * than `waitMs`; then that Fault is thrown. When `deadline` comes first, by the same clock as
 * `now`, a `deadline` Fault is thrown instead. Throws the signal's reason.
 */
export async function whileHeld<T>(
  work: () => Promise<T>,
  options: RetryOptions & { deadline?: number },
): Promise<T> {
  const { deadline = Infinity, waitMs = 0, now = () => performance.now() } = options;
  const left = deadline - now();
  try {
    return await retry(work, isHeld, new Backoff(PAUSES), {
      ...options,
      waitMs: Math.min(waitMs, left),
    });
  } catch (error) {
    if (!isHeld(error) || left >= waitMs) throw error;
    throw new Fault("deadline", `${error.message}, until the deadline passed`, { cause: error });
  }
}

function isHeld(error: unknown): error is Fault {
  return error instanceof Fault && error.kind === "held";
}
