import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { Fault } from "../../../src/fault.ts";
import { Budget } from "../../../src/peer/download/budget.ts";
import {
  SOURCE_LEAST,
  Window,
  WINDOW_LEAST,
  WINDOW_MOST,
} from "../../../src/peer/download/window.ts";
import { faultOf } from "../../support/faults.ts";
import { settle } from "../../support/settle.ts";

/** The window after a source brought `rate` bytes in each millisecond, for so long. */
function windowAt(rate: number, { rttMs = 90, ms = 10_000, every = 20 } = {}): Window {
  let now = 5;
  const window = new Window(() => rttMs, { now: () => now });
  for (let passed = 0; passed < ms; passed += every) {
    now += every;
    window.arrived(rate * every);
  }
  return window;
}

Deno.test("window: the least at first, and for who is slow", () => {
  assertEquals(new Window(() => 1_000).size, WINDOW_LEAST);
  assertEquals(new Window(() => 1_000).rate, 0);
  assertEquals(windowAt(10).size, WINDOW_LEAST);
});

Deno.test("window: many sources share the least, down to a piece of each", () => {
  let count = 0;
  const window = new Window(() => 1_000, { sources: () => count });
  assertEquals(window.size, WINDOW_LEAST);
  count = 3;
  assertEquals(window.size, WINDOW_LEAST / 3);
  count = 32;
  assertEquals(window.size, SOURCE_LEAST);
});

Deno.test("window: what is brought in two round trips and a bit, but never more than the most", () => {
  // 190 ms of data: twice 90 for the way and 10 for our own work.
  const near = (window: Window, bytes: number) =>
    assert(Math.abs(window.size - bytes) < 1, `${window.size} in place of ${bytes}`);
  near(windowAt(20_000), 3_800_000);
  near(windowAt(50_000), 9_500_000);
  near(windowAt(100_000, { rttMs: 20 }), 5_000_000);
  near(windowAt(50_000, { every: 3 }), 9_500_000);
  assertEquals(windowAt(1_000_000).size, WINDOW_MOST);
  near(windowAt(1_000_000, { rttMs: 1 }), 2_000_000 + 6 * 2 ** 20);
  near(windowAt(2_000_000, { rttMs: 1 }), 4_000_000 + 6 * 2 ** 20);
  assertEquals(Math.round(windowAt(20_000).rate), 20_000_000, "bytes per second");
});

Deno.test("window: the newest counts more, and what comes all at once is no rate", () => {
  let now = 0;
  const window = new Window(() => 90, { now: () => now });
  window.arrived(1 << 20);
  assertEquals(window.rate, 0, "no time has passed");
  now = 20;
  window.arrived(0);
  assertEquals(window.rate, (1 << 20) / 0.02);
  now = 40;
  window.arrived(0);
  assertEquals(Math.round(window.rate), Math.round(0.7 * (1 << 20) / 0.02));
  now = 60;
  window.arrived(4 << 20);
  assertEquals(window.rate, (4 << 20) / 0.02, "what it brought once it may bring again");
});

Deno.test("window: where it is what holds the source back, it is soon larger", () => {
  let now = 0;
  const window = new Window(() => 0, { now: () => now });
  now = 3;
  window.arrived(WINDOW_LEAST - 1);
  assertEquals(window.rate, 0, "not a whole window yet");
  window.arrived(1);
  assertEquals(Math.round(window.size), Math.round(10 * WINDOW_LEAST / 3));
});

Deno.test("window: from the least to the most in any case", () => {
  const arrival = fc.tuple(fc.nat({ max: 1 << 24 }), fc.nat({ max: 5_000 }));
  fc.assert(
    fc.property(fc.nat({ max: 10_000 }), fc.array(arrival), (rttMs, arrivals) => {
      let now = 0;
      const window = new Window(() => rttMs, { now: () => now });
      for (const [bytes, ms] of arrivals) {
        now += ms;
        window.arrived(bytes);
        assert(window.size >= WINDOW_LEAST && window.size <= WINDOW_MOST, `${window.size}`);
      }
    }),
  );
});

Deno.test("budget: who asked first is served first, even when less would do for a later one", async () => {
  const budget = new Budget(10).share();
  await budget.take(8);
  const order: string[] = [];
  const large = budget.take(5).then(() => order.push("large"));
  const small = budget.take(1).then(() => order.push("small"));
  await settle();
  assertEquals(order, [], "small has to wait for its turn");
  budget.give(2);
  await settle();
  assertEquals(order, []);
  budget.give(1);
  await large;
  assertEquals(order, ["large"]);
  budget.give(5);
  await small;
  assertEquals(order, ["large", "small"]);
});

Deno.test("budget: downloads that always want more have the same, however much at a time", async () => {
  const budget = new Budget(24);
  const had = { small: 0, large: 0 };
  const greedy = async (name: "small" | "large", bytes: number, lanes: number) => {
    const share = budget.share();
    await Promise.all(Array.from({ length: lanes }, async () => {
      while (had.small + had.large < 10_000) {
        await share.take(bytes);
        had[name] += bytes;
        await Promise.resolve();
        share.give(bytes);
      }
    }));
  };
  await Promise.all([greedy("large", 4, 20), greedy("small", 1, 20)]);
  assert(Math.abs(had.small - had.large) < 1_000, JSON.stringify(had));
});

Deno.test("budget: never more than there is, and in the end all of it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 10 })), async (wanted) => {
      const budget = new Budget(10).share();
      let used = 0;
      await Promise.all(wanted.map(async (bytes) => {
        await budget.take(bytes);
        used += bytes;
        assert(used <= 10, `${used} in use`);
        await Promise.resolve();
        used -= bytes;
        budget.give(bytes);
      }));
      await budget.take(10);
    }),
  );
});

Deno.test("budget: who gives up waiting takes nothing, and lets the next one through", async () => {
  const reason = new Fault("deadline", "too late");
  const budget = new Budget(10).share();
  await faultOf("deadline", budget.take(1, AbortSignal.abort(reason)));
  await budget.take(8);
  const abort = new AbortController();
  const large = faultOf("deadline", budget.take(5, abort.signal));
  const small = budget.take(2);
  abort.abort(reason);
  assertStrictEquals(await large, reason);
  await small;
  budget.give(10);
  const after = new AbortController();
  await budget.take(10, after.signal);
  after.abort(reason);
  budget.give(10);
  await budget.take(10);
});
