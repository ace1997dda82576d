import { assertEquals } from "@std/assert";
import { AwakeClock } from "../../src/async/clock.ts";
import { Watchdog } from "../../src/async/watchdog.ts";
import { FakeClock } from "../support/fake_clock.ts";

Deno.test("awake clock: time passes as it does, and timers are called once, unless called off", async () => {
  const real = new FakeClock();
  const clock = new AwakeClock(real);
  const called: number[] = [];
  for (const ms of [0, 5, 20_000, 20_001]) clock.after(ms, () => called.push(clock.now()));
  const stop = clock.after(10, () => called.push(-1));
  stop();
  stop();
  await real.pass(30_000);
  assertEquals(called, [0, 5, 20_000, 20_001]);
  assertEquals([clock.now(), real.pending], [30_000, 0], "nothing ticks while nothing waits");
});

Deno.test("awake clock: a sleep takes no time, whenever it comes", async () => {
  for (const [before, asleep] of [[0, 65_000], [1_500, 65_000], [19_000, 3_600_000]] as const) {
    const real = new FakeClock();
    const clock = new AwakeClock(real);
    let called = false;
    clock.after(20_000, () => called = true);
    await real.pass(before);
    real.sleep(asleep);
    await real.pass(0);
    assertEquals(called, false, `${asleep} ms asleep after ${before}`);
    await real.pass(20_000 - before - 1);
    assertEquals(called, false);
    // What passed between the last look and the sleep may count as asleep.
    await real.pass(1_001);
    assertEquals(called, true);
  }
});

Deno.test("awake clock: it stands for as long as it sleeps again and again", async () => {
  const real = new FakeClock();
  const clock = new AwakeClock(real);
  let called = false;
  clock.after(20_000, () => called = true);
  for (let night = 0; night < 10; night++) {
    await real.pass(1_000);
    real.sleep(30_000);
  }
  await real.pass(0);
  assertEquals([called, Math.round(clock.now() / 1_000) <= 20], [false, true]);
  await real.pass(20_000);
  assertEquals(called, true);
});

Deno.test("watchdog: a sleep is no silence", async () => {
  const real = new FakeClock();
  const late: string[] = [];
  const dog = new Watchdog((expected) => late.push(expected), new AwakeClock(real));
  dog.expect("a message", 20_000);
  await real.pass(2_000);
  real.sleep(65_000);
  await real.pass(1_000);
  assertEquals(late, []);
  dog.relax();
  await real.pass(60_000);
  dog.expect("another", 20_000);
  await real.pass(30_000);
  assertEquals(late, ["another"]);
  dog.stop();
  assertEquals(real.pending, 0);
});
