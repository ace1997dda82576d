/** A rate limit: `rate` a second in the long run, `burst` at once. */
export interface Rate {
  rate: number;
  burst: number;
}

/** Lets `burst` units pass at once, and `rate` a second in the long run. It is full at first. */
export class TokenBucket {
  readonly #rate: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  /** `now` in milliseconds, as in the other methods. */
  constructor({ rate, burst }: Rate, now: number) {
    this.#rate = rate;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = now;
  }

  /** Seconds until `units` could pass, without taking them: 0 when they can at once. */
  wait(units: number, now: number): number {
    this.#refill(now);
    // More than the bucket holds can pass when it is full.
    return Math.max(0, Math.min(units, this.#burst) - this.#tokens) / this.#rate;
  }

  /** Takes units, even where there are too few: then more must come in before others can pass. */
  take(units: number, now: number): void {
    this.#refill(now);
    this.#tokens -= units;
  }

  /** Takes one unit if it can pass at once; false where it can't. */
  tryTake(now: number): boolean {
    if (this.wait(1, now) > 0) return false;
    this.#tokens -= 1;
    return true;
  }

  /** True when nothing of it would be forgotten with it. */
  isFull(now: number): boolean {
    this.#refill(now);
    return this.#tokens >= this.#burst;
  }

  #refill(now: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) / 1_000 * this.#rate);
    this.#at = now;
  }
}
