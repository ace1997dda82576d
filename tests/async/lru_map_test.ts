import { assertEquals, assertThrows } from "@std/assert";
import { LruMap } from "../../src/async/lru_map.ts";

Deno.test("LRU map: what was used longest ago makes room", () => {
  const evicted: [string, number][] = [];
  const map = new LruMap<string, number>(2, (value, key) => evicted.push([key, value]));
  map.set("a", 1);
  map.set("b", 2);
  assertEquals(map.get("a"), 1);
  map.set("c", 3);
  assertEquals(evicted, [["b", 2]]);
  assertEquals([...map.keys()], ["a", "c"]);
  map.set("a", 4);
  assertEquals(map.peek("c"), 3);
  map.set("d", 5);
  assertEquals([...map.keys()], ["a", "d"]);
  assertEquals(map.size, 2);
});

Deno.test("LRU map: what is deleted is not told as evicted, and the size is a number above 0", () => {
  const map = new LruMap<string, number>(1, () => {
    throw new Error("evicted");
  });
  map.set("a", 1);
  assertEquals([map.delete("a"), map.delete("a"), map.has("a")], [true, false, false]);
  map.set("b", 2);
  map.clear();
  assertEquals([...map.values()], []);
  assertThrows(() => new LruMap(0), RangeError);
});
