/** Bytes in flight to a source, at least and at most. */
export const WINDOW_LEAST = 1 << 20;
export const WINDOW_MOST = 16 << 20;
/** Milliseconds of data to keep in flight besides the round trip, for the time that we take. */
const SLACK_MS = 10;
/** How much the newest rate counts. */
const NEWEST = 0.3;
/** A rate is measured over at least so many milliseconds. */
const SAMPLE_MS = 20;

/**
 * How many bytes to ask of a source ahead: what it brings in a round trip, so that it never waits for
 * us, and a slow one never holds what another could bring. The clock is passed in.
 */
export class Window {
  readonly #now: () => number;
  #rttMs: number;
  #rate = 0;
  #since: number;
  #bytes = 0;

  /** `rttMs`: the round trip as measured by `hello`, in milliseconds. */
  constructor(rttMs: number, now: () => number = () => performance.now()) {
    this.#now = now;
    this.#rttMs = rttMs;
    this.#since = now();
  }

  /** Bytes that may be in flight. */
  get size(): number {
    const bytes = this.#rate * (this.#rttMs + SLACK_MS);
    return Math.min(WINDOW_MOST, Math.max(WINDOW_LEAST, bytes));
  }

  /** Bytes per second, lately. */
  get rate(): number {
    return this.#rate * 1000;
  }

  /** Bytes have arrived. */
  arrived(bytes: number): void {
    this.#bytes += bytes;
    const elapsed = this.#now() - this.#since;
    if (elapsed < SAMPLE_MS) return;
    const newest = this.#bytes / elapsed;
    this.#rate = this.#rate === 0 ? newest : this.#rate + NEWEST * (newest - this.#rate);
    this.#since = this.#now();
    this.#bytes = 0;
  }
}
