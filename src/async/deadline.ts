import { anyOf } from "./any_of.ts";
import { awakeClock, type Clock } from "./clock.ts";

/**
 * A timer that calls `onLate` once after `ms` milliseconds, unless it is disposed of before. The clock is
 * by default one on which a machine's sleep takes no time.
 */
export function deadline(
  ms: number | undefined,
  onLate: () => void,
  clock: Clock = awakeClock,
): Disposable {
  const stop = ms === undefined || ms === Infinity ? undefined : clock.after(ms, onLate);
  return { [Symbol.dispose]: () => stop?.() };
}

/**
 * Resolves with what the promise gives, or with undefined after `ms` milliseconds; rejects as the
 * promise does. What the promise stands for continues.
 */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  using _timer = deadline(ms, () => late.resolve(undefined));
  return await Promise.race([promise, late.promise]);
}

/** A signal with a timer, which ends when it is disposed of. */
export interface TimeoutSignal extends Disposable {
  readonly signal: AbortSignal;
}

/**
 * A signal that aborts with another one, and with a reason after `ms` milliseconds, unless it is disposed
 * of before.
 */
export function timeoutSignal(
  ms: number | undefined,
  reason: () => unknown,
  { signal, clock }: { signal?: AbortSignal; clock?: Clock } = {},
): TimeoutSignal {
  const late = new AbortController();
  const timer = deadline(ms, () => late.abort(reason()), clock);
  return Object.assign(timer, { signal: anyOf(late.signal, signal) });
}
