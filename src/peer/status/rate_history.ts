import type { History } from "../api/ui_api.ts";

/** Seconds that are remembered, besides the current one. */
const REMEMBERED = 300;
const SECONDS = REMEMBERED + 1;

/** Bytes sent and received in each of the last seconds: a ring. The clock is passed in. */
export class RateHistory {
  readonly #now: () => number;
  readonly #rings = { up: new Float64Array(SECONDS), down: new Float64Array(SECONDS) };
  /** The second that was counted last. */
  #second: number;

  /** `now` gives milliseconds from any starting point, and never goes back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#second = this.#current();
  }

  add(direction: "up" | "down", bytes: number): void {
    this.#advance();
    this.#rings[direction][this.#second % SECONDS]! += bytes;
  }

  /** The seconds that are over, the oldest first; the current one is not told. */
  view(): History {
    this.#advance();
    const from = this.#second + 1;
    const inOrder = (ring: Float64Array) =>
      Array.from({ length: REMEMBERED }, (_, at) => ring[(from + at) % SECONDS]!);
    const { up, down } = this.#rings;
    return { interval: 1, second: this.#second - 1, up: inOrder(up), down: inOrder(down) };
  }

  /** Empties the seconds that have begun since the last one. */
  #advance(): void {
    const now = this.#current();
    const passed = Math.min(SECONDS, now - this.#second);
    for (let step = 0; step < passed; step++) {
      for (const ring of Object.values(this.#rings)) ring[(now - step) % SECONDS] = 0;
    }
    this.#second = now;
  }

  #current(): number {
    return Math.floor(this.#now() / 1000);
  }
}
