import type { History } from "../peer/api/ui_api.ts";

/** Seconds that are kept. */
const KEPT = 300;

/** Seconds in which something moved: their numbers, the oldest first, and the bytes in each. */
export interface RatesTold {
  /** The number of the last second that is over. */
  second: number;
  moved: [second: number, up: number, down: number][];
}

/** Bytes sent and received in each second, for listeners that know a part of it. */
export class RatesLog {
  #second: number | undefined;
  #moved: { version: number; second: number; up: number; down: number }[] = [];

  /** Takes over the seconds that are over since the last time; one that nothing moved in is no change. */
  put({ second, up, down }: History, next: () => number): void {
    const first = second - up.length + 1;
    for (let at = Math.max(first, (this.#second ?? -1) + 1); at <= second; at++) {
      const [sent = 0, received = 0] = [up[at - first], down[at - first]];
      if (sent + received === 0) continue;
      this.#moved.push({ version: next(), second: at, up: sent, down: received });
    }
    this.#moved = this.#moved.filter((one) => one.second > second - KEPT);
    this.#second = second;
  }

  /** The seconds after version `from`; undefined when there are none, and something is known. */
  since(from: number): RatesTold | undefined {
    const moved = this.#moved.filter(({ version }) => version > from);
    if (this.#second === undefined || from > 0 && moved.length === 0) return;
    return {
      second: this.#second,
      moved: moved.map(({ second, up, down }) => [second, up, down]),
    };
  }
}
