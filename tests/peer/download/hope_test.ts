import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { Hope } from "../../../src/peer/download/hope.ts";

/** Seconds until a download that gets `bytesAt(second)` in all is given up; `right` verifies them. */
function lostAfter(
  bytesAt: (second: number) => number,
  { waitMs = 10_000, right = false, waiting = true } = {},
): number {
  let now = 0;
  const hope = new Hope({ waitMs, now: () => now });
  while (!hope.lost && now < 3_600_000) {
    now += 250;
    if (right) hope.verified();
    hope.tick(bytesAt(now / 1_000), { waiting });
  }
  return now / 1_000;
}

Deno.test("hope: without a byte it ends when the wait does, whatever is connected", () => {
  assertEquals(lostAfter(() => 0), 10);
  assertEquals(lostAfter(() => 0, { waitMs: 60_000 }), 60);
});

Deno.test("hope: a drip is no progress, and a slow source is", () => {
  assertLess(lostAfter((second) => Math.floor(second / 19)), 11);
  assertLess(lostAfter((second) => 100 * second), 12);
  assertEquals(lostAfter((second) => 1_100 * second, { right: true }), 3_600);
});

Deno.test("hope: what arrives and is never right buys the time of one reply", () => {
  assertEquals(lostAfter((second) => 1e6 * second, { right: true }), 3_600);
  const never = lostAfter((second) => 1e6 * second);
  assertGreater(never, 600);
  assertLess(never, 1_200);
});

Deno.test("hope: time in which nothing can be expected does not count, nor does a sleep", () => {
  assertEquals(lostAfter(() => 0, { waiting: false }), 3_600);
  let now = 0;
  const hope = new Hope({ waitMs: 10_000, now: () => now });
  for (now of [65_000, 3_600_000, 7_200_000]) hope.tick(0);
  assertEquals(hope.lost, false);
});
