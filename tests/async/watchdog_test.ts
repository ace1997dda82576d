import { assertEquals, assertGreater } from "@std/assert";
import { watch } from "../support/watch.ts";

Deno.test("watchdog: it barks once, no earlier than it was told", async () => {
  const { dog, late, calls } = watch();
  const started = performance.now();
  dog.expect("a sign of life", 30);
  assertEquals(await late, "a sign of life");
  assertGreater(performance.now() - started, 28);
  assertEquals(calls.length, 1);
  dog.stop();
});

Deno.test("watchdog: the newest expectation counts, be it later or sooner", async () => {
  const later = watch();
  const started = performance.now();
  later.dog.expect("the first", 10);
  later.dog.expect("the second", 60);
  assertEquals(await later.late, "the second");
  assertGreater(performance.now() - started, 58);
  const sooner = watch();
  sooner.dog.expect("the first", 60_000);
  sooner.dog.expect("the second", 5);
  assertEquals(await sooner.late, "the second");
});

Deno.test("watchdog: it keeps quiet once it is relaxed, and wakes for the next", async () => {
  const { dog, late, calls } = watch();
  dog.expect("nothing", 5);
  dog.relax();
  const other = watch();
  other.dog.expect("a later one", 30);
  await other.late;
  assertEquals(calls, []);
  dog.expect("something", 5);
  assertEquals(await late, "something");
});

Deno.test("watchdog: stopped, it holds no timer, whatever is expected after", () => {
  const { dog } = watch();
  dog.expect("something", 60_000);
  dog.stop();
  dog.expect("something", 60_000); // the sanitizer would see a timer
});
