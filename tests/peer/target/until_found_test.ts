import { assertEquals, assertRejects } from "@std/assert";
import { Fault } from "../../../src/fault.ts";
import { untilFound } from "../../../src/peer/target/until_found.ts";

const { signal } = new AbortController();

Deno.test("waiting: for what time may mend, and no longer than was said", async () => {
  for (const kind of ["not_found", "network"] as const) {
    let looks = 0;
    const find = () => ++looks < 3 ? Promise.reject(new Fault(kind, "no")) : Promise.resolve(7);
    assertEquals(await untilFound(find, { waitMs: 60_000, signal }), 7);
    assertEquals(looks, 3);
  }
  let looks = 0;
  let time = 0;
  const never = (kind: "not_found" | "integrity") => () => {
    looks++;
    time += 10_000;
    return Promise.reject(new Fault(kind, "no"));
  };
  await assertRejects(() => untilFound(never("not_found"), { signal }), Fault);
  assertEquals(looks, 1, "without a time, one look");
  await assertRejects(() => untilFound(never("integrity"), { waitMs: 60_000, signal }), Fault);
  assertEquals(looks, 2, "what time doesn't mend is not waited for");
  const options = { waitMs: 20_000, signal, now: () => time };
  await assertRejects(() => untilFound(never("not_found"), options), Fault);
  assertEquals(looks, 4);
});
