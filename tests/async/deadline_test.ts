import { assertEquals, assertRejects } from "@std/assert";

import { deadline, within } from "../../src/async/deadline.ts";

Deno.test("deadline: calls once when the time is up, unless it is disposed of before", async () => {
  let late = 0;
  {
    using _disposed = deadline(1, () => late += 10);
  }
  deadline(undefined, () => late += 100);
  deadline(Infinity, () => late += 1_000);
  await new Promise<void>((resolve) => deadline(2, () => resolve(void late++)));
  assertEquals(late, 1);
});

Deno.test("within: gives what comes in time, undefined after it, and fails as the promise does", async () => {
  assertEquals(await within(Promise.resolve("here"), 60_000), "here");
  assertEquals(await within(new Promise(() => {}), 1), undefined);
  await assertRejects(() => within(Promise.reject(new Error("no")), 60_000), Error, "no");
});
