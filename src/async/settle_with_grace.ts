import { delay } from "./retry.ts";

export interface Grace<T> {
  /** True for a value after which the others needn't be waited for much longer. */
  enough: (value: T) => boolean;
  /** Time for the others after such a value, in milliseconds. */
  graceMs: number;
  /** Time for the others after any other value, in milliseconds. @default Infinity */
  emptyGraceMs?: number;
}

/**
 * The results of all promises, in their order, once all are settled or the time of grace after the
 * first value is over: those that are slower are left out. Never rejects; no rejection stays unhandled.
 */
export async function settleWithGrace<T>(
  promises: Promise<T>[],
  { enough, graceMs, emptyGraceMs = Infinity }: Grace<T>,
): Promise<PromiseSettledResult<T>[]> {
  const results: PromiseSettledResult<T>[] = [];
  const over = new AbortController();
  const late = Promise.withResolvers<void>();
  const wait = (ms: number) => {
    if (ms < Infinity) void delay(ms, over.signal).then(late.resolve, () => {});
  };
  const all = promises.map((promise, index) =>
    promise.then((value) => {
      results[index] = { status: "fulfilled", value };
      wait(enough(value) ? graceMs : emptyGraceMs);
    }, (reason) => {
      results[index] = { status: "rejected", reason };
    })
  );
  await Promise.race([Promise.all(all), late.promise]);
  over.abort();
  return results.filter((result) => result !== undefined);
}
