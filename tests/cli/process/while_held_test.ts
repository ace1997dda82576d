import { assertEquals, assertRejects } from "@std/assert";
import { whileHeld } from "../../../src/cli/process/while_held.ts";
import { Fault } from "../../../src/fault.ts";
import { faultOf } from "../../support/faults.ts";

const { signal } = new AbortController();

Deno.test("waiting for a lock: while it is held, until it is free, or the time is over", async () => {
  let tries = 0;
  const held = () => Promise.reject(new Fault("held", "no"));
  const work = () => ++tries < 3 ? held() : Promise.resolve("in");
  assertEquals(await whileHeld(work, { waitMs: Infinity, signal }), "in");
  await assertRejects(() => whileHeld(held, { signal }), Fault, "no");
  const late = { waitMs: Infinity, signal, deadline: performance.now() + 20 };
  await faultOf("deadline", whileHeld(held, late), "no, until the deadline passed");
  await faultOf(
    "held",
    whileHeld(held, { waitMs: 1, signal, deadline: performance.now() + 60_000 }),
    "no",
  );
  await faultOf("held", whileHeld(held, { signal, deadline: Infinity }), "no");
  const ended = new AbortController();
  const waiting = whileHeld(held, { waitMs: Infinity, signal: ended.signal });
  ended.abort(new DOMException("enough", "AbortError"));
  await assertRejects(() => waiting, DOMException, "enough");
});
