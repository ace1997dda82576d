/** A timer that calls `onLate` once after `ms` milliseconds, unless it is disposed of before. */
export function deadline(ms: number | undefined, onLate: () => void): Disposable {
  const timer = ms === undefined || ms === Infinity ? undefined : setTimeout(onLate, ms);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

/**
 * Resolves with what the promise gives, or with undefined after `ms` milliseconds; rejects as the
 * promise does. What the promise stands for goes on.
 */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  using _timer = deadline(ms, () => late.resolve(undefined));
  return await Promise.race([promise, late.promise]);
}
