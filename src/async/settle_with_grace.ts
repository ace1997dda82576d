import { delay } from "./retry.ts";

/**
 * What has become of each promise, in their order, once all are settled, or `graceMs` after the first
 * came to `enough`: whoever is slower is left out. Never rejects; none of them does so unheard.
 */
export async function settleWithGrace<T>(
  promises: Promise<T>[],
  enough: (value: T) => boolean,
  graceMs: number,
): Promise<PromiseSettledResult<T>[]> {
  const results: PromiseSettledResult<T>[] = [];
  const over = new AbortController();
  const first = Promise.withResolvers<void>();
  const all = promises.map((promise, index) =>
    promise.then((value) => {
      results[index] = { status: "fulfilled", value };
      if (enough(value)) first.resolve();
    }, (reason) => {
      results[index] = { status: "rejected", reason };
    })
  );
  const late = first.promise.then(() => delay(graceMs, over.signal)).catch(() => {});
  await Promise.race([Promise.all(all), late]);
  over.abort();
  return results.filter((result) => result !== undefined);
}
