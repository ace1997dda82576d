/** The time for which a download waits without progress before it gives up, in milliseconds. */
export const WAIT_MS = 60_000;
/**
 * The same where none of the known sources could ever be reached: each way to them has been tried by
 * then, in milliseconds.
 */
export const UNREACHED_MS = 14_000;
/** The interval at which it is decided whether to look for sources or to give up, in milliseconds. */
export const TICK_MS = 250;
/** The interval at which more sources are looked for, in milliseconds: while there are some, and while there are none. */
const FIND_EVERY_MS = 15_000;
const FIND_AGAIN_MS = 2_000;
/** The same at first, when peers that began together don't know each other yet, and for how long. */
const FIND_FIRST_MS = 300;
const FIRST_MS = 5_000;

/** Looks for sources, and tells of those that it `found` as they are. */
export type Find<S> = (connected: S[], found: (sources: S[]) => void) => Promise<void>;

interface SourceSearchOptions<S> {
  find: Find<S>;
  /** The sources that there are. */
  pool: {
    readonly connected: S[];
    /** True when none of those that are connected brings anything: others are needed. */
    isStalled?(): boolean;
  };
  found: (sources: S[]) => void;
  /** Looks often at first, and then more and more seldom. Default false: never more often than each 2 s. */
  eager?: boolean;
  /** A clock, in milliseconds. Default performance.now. */
  now?: () => number;
}

/** Looks for more sources again and again while a download runs, but not twice at a time. */
export class SourceSearch<S> {
  readonly #options: SourceSearchOptions<S>;
  readonly #now: () => number;
  readonly #started: number;
  #pause: number;
  #next: number;
  #last: number;
  #underWay = false;

  constructor(options: SourceSearchOptions<S>) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#started = this.#now();
    this.#pause = options.eager ? FIND_FIRST_MS : FIND_AGAIN_MS;
    this.#next = this.#started + this.#pause;
    this.#last = this.#started;
  }

  /** To be called every {@link TICK_MS}. */
  tick(): void {
    const due = this.#options.pool.isStalled?.()
      ? Math.min(this.#next, this.#last + FIND_AGAIN_MS)
      : this.#next;
    if (!this.#underWay && this.#now() >= due) void this.#find();
  }

  async #find(): Promise<void> {
    const { find, pool, found } = this.#options;
    this.#underWay = true;
    try {
      await find(pool.connected, found);
    } catch {
      // Bootstraps and peers come and go; the next time may be better.
    } finally {
      this.#underWay = false;
      const now = this.#now();
      this.#pause = this.#pauseAt(now);
      this.#next = now + this.#pause;
      this.#last = now;
    }
  }

  #pauseAt(now: number): number {
    const { pool, eager } = this.#options;
    const longest = pool.connected.length > 0 ? FIND_EVERY_MS : FIND_AGAIN_MS;
    if (!eager) return longest;
    return now - this.#started > FIRST_MS ? Math.min(longest, 2 * this.#pause) : this.#pause;
  }
}
