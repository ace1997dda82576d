/** Seconds over which a rate is averaged. */
const WINDOW_S = 5;
/** Parts of a second that are counted together. */
const SLOTS_PER_S = 4;

/** Counts bytes and tells how many came per second lately. The clock is passed in. */
export class RateMeter {
  /** All bytes counted so far. */
  total = 0;
  readonly #now: () => number;
  readonly #started: number;
  /** Bytes by slot number; slots older than the window are overwritten. */
  readonly #slots = new Array<{ slot: number; bytes: number }>(WINDOW_S * SLOTS_PER_S);

  /** `now` gives milliseconds from any starting point, and never goes back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#started = now();
  }

  add(bytes: number): void {
    this.total += bytes;
    const slot = this.#slot();
    const at = slot % this.#slots.length;
    if (this.#slots[at]?.slot === slot) this.#slots[at].bytes += bytes;
    else this.#slots[at] = { slot, bytes };
  }

  /** Bytes per second over the last {@link WINDOW_S} seconds, or since the start if that is less. */
  get rate(): number {
    const oldest = this.#slot() - this.#slots.length;
    let bytes = 0;
    for (const entry of this.#slots) if (entry && entry.slot > oldest) bytes += entry.bytes;
    const seconds = Math.min(WINDOW_S, Math.max(0.25, (this.#now() - this.#started) / 1000));
    return bytes / seconds;
  }

  #slot(): number {
    return Math.floor(this.#now() / (1000 / SLOTS_PER_S));
  }
}
