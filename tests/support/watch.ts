import { Watchdog } from "../../src/async/watchdog.ts";

/** A watchdog; what it misses first, and all that it missed so far. */
export function watch(): { dog: Watchdog; late: Promise<string>; calls: string[] } {
  const { promise: late, resolve } = Promise.withResolvers<string>();
  const calls: string[] = [];
  const dog = new Watchdog((expected) => {
    calls.push(expected);
    resolve(expected);
  });
  return { dog, late, calls };
}
