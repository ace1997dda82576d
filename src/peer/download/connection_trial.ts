/** The time for which a rate is measured, in milliseconds, and the same in round trips: the longer one counts. */
const MEASURE = { ms: 1_500, roundTrips: 15 };
/** The time in which the other connections take over what one brought, or give it back, likewise. */
const SETTLE = { ms: 1_500, roundTrips: 20 };
/** A rate that is no lower than this share of the one before shows that the connection did not help. */
const NEEDLESS = 0.95;
/** The pause before a trial, which costs some rate, in milliseconds; it doubles each time. */
const PAUSE_MS = { first: 10_000, longest: 120_000 };

/** The use of the last one of several connections: used, left alone for now, or to be closed. */
export type Verdict = "with" | "without" | "needless";

/**
 * Finds out whether the last one of several connections to a peer helps, by doing without it for a while.
 * The clock is passed in.
 */
export class ConnectionTrial {
  readonly #now: () => number;
  readonly #measureMs: number;
  readonly #settleMs: number;
  #pauseMs = PAUSE_MS.first;
  #state: "with" | "without" = "with";
  /** The beginning of the measurement, once what went before has settled. */
  #from: number;
  #arrived: number | undefined;
  /** Bytes per millisecond with the connection. */
  #rate = 0;

  /** `rttMs` is the round trip to the peer. */
  constructor(rttMs: number, now: () => number = () => performance.now()) {
    this.#now = now;
    this.#measureMs = Math.max(MEASURE.ms, MEASURE.roundTrips * rttMs);
    this.#settleMs = Math.max(SETTLE.ms, SETTLE.roundTrips * rttMs);
    this.#from = now() + this.#pauseMs;
  }

  /** To be called often; `arrived` is the number of bytes that came over all connections. */
  tick(arrived: number): Verdict {
    const now = this.#now();
    if (now < this.#from) return this.#state;
    if (this.#arrived === undefined) {
      this.#arrived = arrived;
      this.#from = now;
      return this.#state;
    }
    const ms = now - this.#from;
    if (ms < this.#measureMs) return this.#state;
    const rate = (arrived - this.#arrived) / ms;
    this.#arrived = undefined;
    if (this.#state === "with") {
      this.#rate = rate;
      this.#state = "without";
      this.#from = now + this.#settleMs;
      return "without";
    }
    this.#state = "with";
    this.#from = now + this.#pauseMs;
    if (rate >= NEEDLESS * this.#rate) return "needless";
    this.#pauseMs = Math.min(PAUSE_MS.longest, 2 * this.#pauseMs);
    return "with";
  }
}
