import { awakeClock } from "./clock.ts";

/** Waiting between tries. Randomness and clocks are passed in, so that tests can tell what comes. */

export interface BackoffOptions {
  /** The first pause, in milliseconds. @default 1_000 */
  first?: number;
  /** No pause is longer, in milliseconds. @default 30_000 */
  longest?: number;
  /** From 0 (included) to 1 (excluded). @default Math.random */
  random?: () => number;
}

/**
 * Back-off with jitter: the wait after each of several failures in a row, twice as long each time,
 * up to a limit, less up to a half by chance, so that callers that failed together don't come back
 * together.
 */
export class Backoff {
  readonly #first: number;
  readonly #longest: number;
  readonly #random: () => number;
  #failures = 0;

  constructor({ first = 1_000, longest = 30_000, random = Math.random }: BackoffOptions = {}) {
    this.#first = first;
    this.#longest = longest;
    this.#random = random;
  }

  /** Milliseconds to wait after one more failure. */
  next(): number {
    const whole = Math.min(this.#longest, this.#first * 2 ** this.#failures);
    if (whole < this.#longest) this.#failures++;
    return whole * (1 - this.#random() / 2);
  }

  /** After a success: the next failure is the first again. */
  reset(): void {
    this.#failures = 0;
  }
}

/** Resolves after `ms` milliseconds; rejects with the signal's reason as soon as it is aborted. */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", abort, { once: true });
  });
}

/**
 * Settles as `promise` does, or rejects with the signal's reason if that comes first. The work
 * behind the promise continues; only the wait for it ends.
 */
export function abortable<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

export interface RetryOptions {
  /** For how long failures are waited out, in milliseconds. @default 0: there is one try */
  waitMs?: number;
  /** No try follows once it is aborted. */
  signal: AbortSignal;
  /** Milliseconds from any starting point; by default a clock on which sleep takes no time. */
  now?: () => number;
}

/**
 * Tries something until it succeeds. What the last try failed with is thrown when `waitMs` have passed,
 * and at once when time won't mend it; the signal's reason once it is aborted.
 */
export async function retry<T>(
  work: () => Promise<T>,
  mayMend: (error: unknown) => boolean,
  backoff: Backoff,
  { waitMs = 0, signal, now = () => awakeClock.now() }: RetryOptions,
): Promise<T> {
  const end = now() + waitMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const left = end - now();
      if (!mayMend(error) || left <= 0) throw error;
      await delay(Math.min(left, backoff.next()), signal);
    }
  }
}
