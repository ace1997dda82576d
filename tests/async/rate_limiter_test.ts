import { assert, assertEquals, assertLess, assertRejects, assertThrows } from "@std/assert";
import { RateLimiter } from "../../src/async/rate_limiter.ts";
import { assertSameBytes, patterned } from "../support/bytes.ts";
import { FakeClock, settled } from "../support/fake_clock.ts";
import { connectionPair } from "../support/sockets.ts";

const KIB = 1 << 10;
const MIB = 1 << 20;

/** A consumer that takes as much as passes, and counts it. */
function startConsumer(limiter: RateLimiter) {
  const stop = new AbortController();
  const consumer = { bytes: 0, stop: () => stop.abort(), ended: Promise.resolve() };
  consumer.ended = (async () => {
    for (;;) {
      const { piece } = limiter;
      await limiter.take(piece, stop.signal);
      consumer.bytes += piece;
    }
  })().catch(() => {});
  return consumer;
}

/** Waits until no consumer takes more at this time. */
function quiet(consumers: { bytes: number }[]) {
  const sum = () => consumers.reduce((total, { bytes }) => total + bytes, 0);
  return async () => {
    for (let before = -1; before !== sum();) {
      before = sum();
      await settled();
    }
  };
}

function assertWithin(actual: number, expected: number, share: number, what: string): void {
  const off = Math.abs(actual - expected) / expected;
  assertLess(off, share, `${what}: ${actual} in place of ${expected}`);
}

const RATES = [16 * KIB, 100_000, MIB, 12_500_000, 100 * MIB, 1024 * MIB];

for (const [what, late] of [["sharp", () => 0], ["late", lateness()]] as const) {
  Deno.test(`limiter: 10 s at any rate are exact to 5 %, with ${what} timers`, async () => {
    for (const rate of RATES) {
      const clock = new FakeClock(late);
      const limiter = new RateLimiter(rate, clock);
      const consumers = [1, 2, 3].map(() => startConsumer(limiter));
      const settle = quiet(consumers);
      const total = () => consumers.reduce((sum, { bytes }) => sum + bytes, 0);
      await clock.pass(10_000, settle);
      assertWithin(total(), rate * 10, 0.05, `${rate} bytes/s`);
      for (const { bytes } of consumers) assertWithin(bytes, total() / 3, 0.05, "a fair share");
      // Any later window too, idle time before it or not.
      for (const { stop } of consumers) stop();
      await Promise.all(consumers.map(({ ended }) => ended));
      await clock.pass(60_000);
      const again = [startConsumer(limiter)];
      await clock.pass(10_000, quiet(again));
      assertWithin(again[0].bytes, rate * 10, 0.05, `${rate} bytes/s after a pause`);
      again[0].stop();
      await again[0].ended;
      assertEquals(clock.pending, 0);
    }
  });
}

/** Up to 15 ms, the same in each run. */
function lateness(): () => number {
  let n = 0;
  return () => (n = (n * 31 + 7) % 16);
}

Deno.test("limiter: none lets everything pass, in one piece", async () => {
  const limiter = new RateLimiter(undefined);
  assertEquals(limiter.piece, Infinity);
  await limiter.take(Number.MAX_SAFE_INTEGER);
  limiter.spend(1e12);
  await limiter.take(1);
});

Deno.test("limiter: what can't be a rate is refused", () => {
  for (const rate of [0, -1, NaN, Infinity]) {
    assertThrows(() => new RateLimiter(rate), RangeError, `${rate} bytes per second`);
  }
});

Deno.test("limiter: a new rate holds at once, also for waiting consumers", async () => {
  const clock = new FakeClock();
  const limiter = new RateLimiter(100 * MIB, clock);
  const consumer = startConsumer(limiter);
  const settle = quiet([consumer]);
  const rateOver = async (ms: number) => {
    const before = consumer.bytes;
    await clock.pass(ms, settle);
    return ((consumer.bytes - before) * 1000) / ms;
  };
  assertWithin(await rateOver(5_000), 100 * MIB, 0.05, "fast");
  limiter.rate = 32 * KIB;
  await rateOver(1_000);
  assertWithin(await rateOver(10_000), 32 * KIB, 0.05, "slow");
  limiter.rate = 10 * MIB;
  assertWithin(await rateOver(10_000), 10 * MIB, 0.05, "faster again");
  consumer.stop();
  await consumer.ended;
  const waiting = [limiter.take(100 * MIB), limiter.take(MIB)];
  limiter.rate = undefined;
  await Promise.all(waiting);
});

Deno.test("limiter: first come, first served, and who gives up loses no one's turn", async () => {
  const clock = new FakeClock();
  const limiter = new RateLimiter(100 * KIB, clock);
  const order: string[] = [];
  const gone = new AbortController();
  const reason = new Error("had enough");
  void limiter.take(50 * KIB).then(() => order.push("a"));
  const given = assertRejects(() => limiter.take(50 * KIB, gone.signal), Error, "had enough");
  void limiter.take(KIB).then(() => order.push("c"));
  void limiter.take(50 * KIB).then(() => order.push("d"));
  gone.abort(reason);
  await given;
  await assertRejects(() => limiter.take(1, gone.signal), Error, "had enough");
  await clock.pass(5_000);
  assertEquals(order, ["a", "c", "d"]);
});

Deno.test("limiter: what passes without asking is made up for, within a second", async () => {
  const clock = new FakeClock();
  const limiter = new RateLimiter(100 * KIB, clock);
  limiter.spend(50 * KIB);
  let passed = false;
  void limiter.take(KIB).then(() => (passed = true));
  await clock.pass(450);
  assert(!passed);
  await clock.pass(100);
  assert(passed);
  limiter.spend(1e9);
  passed = false;
  void limiter.take(KIB).then(() => (passed = true));
  await clock.pass(1_100);
  assert(passed);
});

Deno.test("connection: a limit paces what is sent, and not a byte is lost", async () => {
  const clock = new FakeClock();
  const limiter = new RateLimiter(256 * KIB, clock);
  using pair = await connectionPair({ limitUp: [limiter] });
  const payload = patterned(MIB);
  const sent = pair.connection.send({ action: "x" }, payload);
  const line = { action: "x", payload: MIB };
  for (let waited = 0; clock.pending === 0 && waited < 100; waited++) await nextTick();
  let done = false;
  void sent.then(() => (done = true));
  const reading = pair.far.line().then(async (first) => [first, await pair.far.bytes(MIB)]);
  let ms = 0;
  while (!done) {
    await clock.pass(50, nextTick);
    ms += 50;
    assertLess(ms, 10_000);
  }
  const [first, bytes] = await reading;
  assertEquals(first, line);
  assertSameBytes(bytes as Uint8Array, payload);
  assertWithin(ms, 4_000, 0.1, "milliseconds");
});

Deno.test("connection: a limit makes the sender wait, and ends with the connection", async () => {
  const clock = new FakeClock();
  using pair = await connectionPair({ limitDown: [new RateLimiter(64 * KIB, clock)] });
  const payload = patterned(MIB);
  const sending = pair.far.send({ action: "x", payload: MIB }, payload).catch(() => {});
  const message = await pair.connection.read();
  assertEquals(message?.payload, MIB);
  const reading = pair.connection.readPayload(new Uint8Array(MIB));
  const failed = assertRejects(() => reading);
  while (clock.pending === 0) await nextTick();
  pair.connection.close();
  await failed;
  await sending;
  assertEquals(clock.pending, 0);
});

/** Lets sockets have their turn. */
function nextTick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}
