/** Time, for all that waits. */
export interface Clock {
  /** Milliseconds since some fixed moment. */
  now(): number;
  /** Calls back once, after `ms` milliseconds; returns how to call that off. */
  after(ms: number, callback: () => void): () => void;
}

/** The time of the system. */
export const realClock: Clock = {
  now: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/**
 * Interval at which the clock checks whether the process slept, while something waits, in
 * milliseconds.
 */
const TICK_MS = 1_000;
/** A look that comes later than this after the one before is the first after a sleep, in milliseconds. */
const LATE_MS = 3_000;

/**
 * A clock that stands still while the process does not run: the machine was suspended, or the process
 * stopped or starved. Time asleep is not time that the other end was silent. It notices sleep only while
 * something waits by {@link after}.
 */
export class AwakeClock implements Clock {
  readonly #clock: Clock;
  #asleepMs = 0;
  #lookedAt = 0;
  #waits = 0;
  #stopTick: (() => void) | undefined;

  constructor(clock: Clock = realClock) {
    this.#clock = clock;
  }

  now(): number {
    const now = this.#clock.now();
    const passed = now - this.#lookedAt;
    if (this.#waits > 0 && passed > LATE_MS) this.#asleepMs += passed;
    this.#lookedAt = now;
    return now - this.#asleepMs;
  }

  after(ms: number, callback: () => void): () => void {
    const due = this.now() + ms;
    let cancel = () => {};
    let waiting = true;
    const end = () => {
      if (waiting && --this.#waits === 0) this.#stopTick?.();
      waiting = false;
    };
    const arm = (left: number) => {
      cancel = this.#clock.after(left, () => {
        const left = due - this.now();
        // Rounded timers can fire a fraction of a millisecond before they are due.
        if (left > 1) return arm(left);
        end();
        callback();
      });
    };
    if (++this.#waits === 1) this.#tick();
    arm(ms);
    return () => {
      cancel();
      end();
    };
  }

  #tick(): void {
    this.#stopTick = this.#clock.after(TICK_MS, () => {
      this.now();
      this.#tick();
    });
  }
}

/** The clock of every wait for another process or machine. */
export const awakeClock = new AwakeClock();
