import { Refusal } from "../../wire/caller.ts";

/**
 * How long to wait, in milliseconds, after a refusal that said when to come back: so long, and up to
 * a quarter more by chance, so that many who were refused together don't come back together.
 * Undefined for any other failure. `random` gives numbers from 0 (included) to 1 (excluded).
 */
export function retryAfter(error: unknown, random: () => number): number | undefined {
  if (!(error instanceof Refusal) || error.code !== "busy") return undefined;
  return error.retryAfter && error.retryAfter * 1_000 * (1 + random() / 4);
}
