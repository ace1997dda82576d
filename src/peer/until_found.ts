import { Fault } from "../fault.ts";
import { Backoff, delay } from "./retry.ts";

/** The first pause between two looks, and the longest, in milliseconds. */
const FIRST_MS = 250;
const LONGEST_MS = 5_000;

/**
 * Looks for something until it is found, or until `waitMs` have passed: then what the last look failed
 * with is thrown. Only what time may mend is waited for: a name that nobody has yet, and bootstraps that
 * can't be reached. Without `waitMs` there is one look.
 */
export async function untilFound<T>(
  find: () => Promise<T>,
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
      return await find();
    } catch (error) {
      const mayMend = error instanceof Fault && ["not_found", "network"].includes(error.kind);
      const left = end - now();
      if (!mayMend || left <= 0 || signal.aborted) throw error;
      await delay(Math.min(left, backoff.next()), signal);
    }
  }
}
