import { awakeClock, type Clock } from "./clock.ts";

/**
 * Calls back when something expected doesn't happen in time. One timer serves any number of
 * expectations in a row: each only moves a deadline, since arming a timer for every read would cost
 * more than the read. A machine's sleep takes no time.
 */
export class Watchdog {
  readonly #onLate: (expected: string) => void;
  readonly #clock: Clock;
  #deadline = Infinity;
  #expected = "";
  #stopTimer: (() => void) | undefined;
  #timerAt = Infinity;
  #stopped = false;

  /** `onLate` is given what was being waited for. */
  constructor(onLate: (expected: string) => void, clock: Clock = awakeClock) {
    this.#onLate = onLate;
    this.#clock = clock;
  }

  /** From now on, {@link relax} or a new expectation must come within `ms` milliseconds. */
  expect(expected: string, ms: number): void {
    if (this.#stopped) return;
    if (ms === Infinity) return this.relax();
    this.#expected = expected;
    this.#deadline = this.#clock.now() + ms;
    if (this.#stopTimer === undefined || this.#timerAt > this.#deadline) this.#arm();
  }

  /** Nothing is expected any more. */
  relax(): void {
    this.#deadline = Infinity;
  }

  /** Frees the timer; nothing is expected ever after. */
  stop(): void {
    this.#stopped = true;
    this.relax();
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #arm(): void {
    this.#stopTimer?.();
    this.#timerAt = this.#deadline;
    this.#stopTimer = this.#clock.after(Math.max(0, this.#deadline - this.#clock.now()), () => {
      this.#stopTimer = undefined;
      if (this.#deadline === Infinity) return;
      // Rounded timers can fire a fraction of a millisecond before the deadline that set them.
      if (this.#clock.now() < this.#deadline - 1) return this.#arm();
      this.#deadline = Infinity;
      this.#onLate(this.#expected);
    });
  }
}
