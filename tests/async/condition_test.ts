import { assertEquals, assertRejects } from "@std/assert";
import { Condition } from "../../src/async/condition.ts";

Deno.test("condition: a notification wakes all that wait, and none that comes later", async () => {
  const condition = new Condition();
  let woken = 0;
  const waits = [condition.wait(), condition.wait()].map((wait) => wait.then(() => woken++));
  condition.notifyAll();
  const later = condition.wait().then(() => woken++);
  await Promise.all(waits);
  assertEquals(woken, 2);
  condition.notifyAll();
  await later;
  assertEquals(woken, 3);
});

Deno.test("condition: a wait ends with its signal", async () => {
  const condition = new Condition();
  const ending = new AbortController();
  const wait = condition.wait(ending.signal);
  ending.abort(new Error("enough"));
  await assertRejects(() => wait, Error, "enough");
  await assertRejects(() => condition.wait(ending.signal), Error, "enough");
});
