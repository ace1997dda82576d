import type { RateLimiter } from "../../async/rate_limiter.ts";
import { LEAST_RATE } from "../../wire/protocol.ts";

/** Downloads that share a limit, more or less, when it is asked what one of them gets of it. */
const SHARERS = 8;

/** The bytes per second that count as progress where this side's own limits may let no more through. */
export function leastRateOf(limits: RateLimiter[]): number {
  return Math.min(LEAST_RATE, ...limits.map(({ rate = Infinity }) => rate / SHARERS));
}
