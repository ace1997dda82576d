import { Fault } from "../fault.ts";
import { Backoff, delay } from "../peer/retry.ts";

/** The first pause between two tries, and the longest, in milliseconds. */
const FIRST_MS = 100;
const LONGEST_MS = 2_000;

/**
 * Tries something again for as long as somebody else holds what it needs (a `held` Fault), but for no
 * longer than `waitMs`; then that Fault is thrown. Throws the signal's reason.
 */
export async function whileHeld<T>(
  work: () => Promise<T>,
  { waitMs = 0, signal, now = () => performance.now() }: {
    waitMs?: number;
    signal: AbortSignal;
    /** Milliseconds from any starting point; a clock that is never set. */
    now?: () => number;
  },
): Promise<T> {
  const end = now() + waitMs;
  const backoff = new Backoff({ first: FIRST_MS, longest: LONGEST_MS });
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const left = end - now();
      if (!(error instanceof Fault) || error.kind !== "held" || left <= 0) throw error;
      await delay(Math.min(left, backoff.next()), signal);
    }
  }
}
