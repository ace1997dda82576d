import { assertEquals } from "@std/assert";
import { IdleGc } from "../../src/bootstrap/idle_gc.ts";

/** Number of garbage collections when so many connections were seen, look by look. */
function collections(looks: number[], used = 1 << 20): number {
  let collected = 0;
  const collector = new IdleGc({ used: () => used, collect: () => collected++ });
  for (const connections of looks) collector.look(connections);
  return collected;
}

Deno.test("garbage is collected once, when a rush is over and nobody leaves any more", () => {
  assertEquals(collections([0, 2_000, 2_000]), 0);
  assertEquals(collections([0, 2_000, 900]), 0, "others are still leaving");
  assertEquals(collections([0, 2_000, 900, 10, 10]), 1);
  assertEquals(collections([0, 2_000, 10, 10, 10, 10, 11, 9, 9]), 1, "once");
  assertEquals(collections([0, 2_000, 10, 10, 300, 5, 5]), 2, "after each rush");
});

Deno.test("garbage: few callers, and half of many, are no rush", () => {
  assertEquals(collections([0, 199, 0, 0]), 0);
  assertEquals(collections([0, 200, 0, 0]), 1);
  assertEquals(collections([1_000, 501, 501]), 0);
  assertEquals(collections([1_000, 500, 500]), 1);
});

Deno.test("garbage: a large heap is left to V8", () => {
  assertEquals(collections([0, 2_000, 0, 0], 256 << 20), 1);
  assertEquals(collections([0, 2_000, 0, 0], (256 << 20) + 1), 0);
});
