import type { Clock } from "../../src/async/clock.ts";

/** Time that passes only when a test lets it. */
export class FakeClock implements Clock {
  #now = 0;
  readonly #late: () => number;
  #timers: { at: number; callback: () => void }[] = [];

  /** `late` tells by how many milliseconds a timer is late. Default 0. */
  constructor(late: () => number = () => 0) {
    this.#late = late;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms + this.#late(), callback };
    this.#timers.push(timer);
    return () => void (this.#timers = this.#timers.filter((other) => other !== timer));
  }

  /** Lets time pass in which nothing runs, as while the machine sleeps: timers are due after it. */
  sleep(ms: number): void {
    this.#now += ms;
  }

  /** Timers that are set. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Lets time pass; `settle` lets whatever was woken act before more passes. */
  async pass(ms: number, settle: () => Promise<void> = settled): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      this.#timers.sort((a, b) => a.at - b.at);
      const [next] = this.#timers;
      if (!next || next.at > end) break;
      this.#timers.shift();
      this.#now = Math.max(this.#now, next.at);
      next.callback();
      await settle();
    }
    this.#now = end;
  }
}

/** Lets promises run that wait for nothing else. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
