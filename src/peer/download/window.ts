/**
 * Bytes in flight to all sources of a download together, at least. Where many share a slow link, what is
 * asked of each is soon there, and can be passed on.
 */
export const WINDOW_LEAST = 1 << 20;
/** Bytes in flight to one source, at least and at most: a piece at a time. */
export const SOURCE_LEAST = 1 << 18;
export const WINDOW_MOST = 16 << 20;
/** Milliseconds of data to keep in flight besides the round trip, for the time that we take. */
const SLACK_MS = 10;
/** The same in bytes, at most: what came waits in memory for its turn to be stored. */
const SLACK_MOST = 6 << 20;
/** The weight of the newest rate where it is the lower one. */
const NEWEST = 0.3;
/**
 * The number of round trips of data that are kept in flight: with two, the window doubles in each round trip for
 * as long as that brings more, as TCP's own does in slow start, and never holds a source back.
 */
const ROUND_TRIPS = 2;
/**
 * A rate is measured over at least so many milliseconds; over fewer of them where a whole window came
 * meanwhile, because then it is the window that holds the source back.
 */
const SAMPLE_MS = 20;
const FULL_SAMPLE_MS = 3;

/**
 * The number of bytes to ask of a source ahead: what it brings in a round trip, so that it never waits for
 * us, and a slow one never holds what another could bring. The clock is passed in.
 */
export class Window {
  readonly #now: () => number;
  readonly #sources: () => number;
  readonly #rttMs: () => number;
  #rate = 0;
  #since: number;
  #bytes = 0;

  /**
   * `rttMs` returns the round trip in milliseconds, 0 while it is not known; `sources`, how many there are with
   * this one.
   */
  constructor(
    rttMs: () => number,
    { sources = () => 1, now = () => performance.now() }: {
      sources?: () => number;
      now?: () => number;
    } = {},
  ) {
    this.#now = now;
    this.#sources = sources;
    this.#rttMs = rttMs;
    this.#since = now();
  }

  /** Bytes that may be in flight. */
  get size(): number {
    const slack = Math.min(SLACK_MOST, this.#rate * SLACK_MS);
    const bytes = ROUND_TRIPS * this.#rate * this.#rttMs() + slack;
    const least = Math.max(SOURCE_LEAST, WINDOW_LEAST / Math.max(1, this.#sources()));
    return Math.min(WINDOW_MOST, Math.max(least, bytes));
  }

  /** Bytes per second, lately. */
  get rate(): number {
    return this.#rate * 1000;
  }

  /** Bytes have arrived. */
  arrived(bytes: number): void {
    this.#bytes += bytes;
    const elapsed = this.#now() - this.#since;
    if (elapsed < (this.#bytes >= this.size ? FULL_SAMPLE_MS : SAMPLE_MS)) return;
    const newest = this.#bytes / elapsed;
    // What a source brought once it may bring again: it is slower only when it stays so.
    this.#rate = Math.max(newest, this.#rate + NEWEST * (newest - this.#rate));
    this.#since = this.#now();
    this.#bytes = 0;
  }
}
