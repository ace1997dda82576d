import { Refusal } from "../../wire/caller.ts";

/** The least pause, in seconds: to come back at once, as 0 would have it, would be to ask on and on. */
const LEAST_S = 1;

/**
 * The wait, in milliseconds, after a refusal with a retry-after: so long, and up to a quarter more
 * by chance, so that callers that were refused together don't come back together. Undefined for any
 * other failure. `random` gives numbers from 0 (included) to 1 (excluded).
 */
export function retryAfter(error: unknown, random: () => number): number | undefined {
  if (!(error instanceof Refusal) || error.code !== "busy") return undefined;
  if (error.retryAfter === undefined) return undefined;
  return Math.max(LEAST_S, error.retryAfter) * 1_000 * (1 + random() / 4);
}
