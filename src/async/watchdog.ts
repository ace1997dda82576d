/**
 * Calls back when something expected doesn't happen in time. One timer serves any number of
 * expectations in a row: each only moves a deadline, since arming a timer for every read would cost
 * more than the read.
 */
export class Watchdog {
  readonly #onLate: (expected: string) => void;
  #deadline = Infinity;
  #expected = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;
  #stopped = false;

  /** `onLate` is told what was being waited for. */
  constructor(onLate: (expected: string) => void) {
    this.#onLate = onLate;
  }

  /** From now on, {@link relax} or a new expectation must come within `ms` milliseconds. */
  expect(expected: string, ms: number): void {
    if (this.#stopped) return;
    if (ms === Infinity) return this.relax();
    this.#expected = expected;
    this.#deadline = performance.now() + ms;
    if (this.#timer === undefined || this.#timerAt > this.#deadline) this.#arm();
  }

  /** Nothing is expected any more. */
  relax(): void {
    this.#deadline = Infinity;
  }

  /** Frees the timer; nothing is expected ever after. */
  stop(): void {
    this.#stopped = true;
    this.relax();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(): void {
    clearTimeout(this.#timer);
    this.#timerAt = this.#deadline;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#deadline === Infinity) return;
      // Rounded timers can fire a fraction of a millisecond before the deadline that set them.
      if (performance.now() < this.#deadline - 1) return this.#arm();
      this.#deadline = Infinity;
      this.#onLate(this.#expected);
    }, Math.max(0, this.#deadline - performance.now()));
  }
}
