import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Fault } from "../../src/fault.ts";
import { abortable, Backoff, delay } from "../../src/async/retry.ts";
import { faultOf } from "../support/faults.ts";

Deno.test("back-off: twice as long each time, up to a limit, less up to a half by chance", () => {
  const usual = new Backoff({ random: () => 0 });
  const waits = Array.from({ length: 7 }, () => usual.next());
  assertEquals(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  usual.reset();
  assertEquals(usual.next(), 1_000);
  const longest = new Backoff({ first: 100, longest: 1_000, random: () => 0 });
  assertEquals(Array.from({ length: 6 }, () => longest.next()), [100, 200, 400, 800, 1_000, 1_000]);
  longest.reset();
  assertEquals(longest.next(), 100);
  const shortest = new Backoff({ first: 100, longest: 1_000, random: () => 1 });
  assertEquals(Array.from({ length: 5 }, () => shortest.next()), [50, 100, 200, 400, 500]);
  assertEquals(new Backoff({ first: 10, longest: 15, random: () => 0.5 }).next(), 7.5);
});

Deno.test("delay and abortable end with the signal's reason", async () => {
  const reason = new Fault("deadline", "too late");
  const aborted = AbortSignal.abort(reason);
  const { signal } = new AbortController();
  const never = new Promise<never>(() => {});
  for (
    const wait of [(s: AbortSignal) => delay(60_000, s), (s: AbortSignal) => abortable(never, s)]
  ) {
    assertStrictEquals(await faultOf("deadline", wait(aborted)), reason);
    const abort = new AbortController();
    const waiting = faultOf("deadline", wait(abort.signal));
    abort.abort(reason);
    assertStrictEquals(await waiting, reason);
  }
  await assertRejects(() => delay(0, aborted), Fault, "too late");
  await assertRejects(() => abortable(Promise.resolve(), aborted), Fault, "too late");
  await delay(1);
  assertEquals(await abortable(Promise.resolve(7), signal), 7);
  await assertRejects(() => abortable(Promise.reject(reason), signal), Fault);
});
