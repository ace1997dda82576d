import { assertEquals } from "@std/assert";
import { treeShape } from "../src/content/hash_tree.ts";
import { runCount, RunMap } from "../src/content/run_map.ts";
import { MissingChunks } from "../src/peer/missing_chunks.ts";

const CHUNK = 65_536;

/** Two runs and three chunks, the last of which has 5 bytes. */
function missing() {
  const size = 34 * CHUNK + 5;
  const map = new RunMap(runCount(size));
  return { map, chunks: new MissingChunks(treeShape(size), map) };
}

Deno.test("missing chunks: each counts once, and a run is whole with its last one", () => {
  const { map, chunks } = missing();
  assertEquals(chunks.countIn(0), 0);
  assertEquals(chunks.had({ first: 0, count: 15 }), {
    chunks: 15,
    bytes: 15 * CHUNK,
    whole: false,
  });
  assertEquals(chunks.had({ first: 10, count: 6 }), { chunks: 1, bytes: CHUNK, whole: true });
  map.add(0);
  assertEquals(chunks.had({ first: 3, count: 2 }), { chunks: 0, bytes: 0, whole: false });
  assertEquals([chunks.countIn(0), chunks.countIn(1), chunks.countIn(2)], [16, 0, 0]);
  assertEquals(chunks.needs({ first: 0, count: 16 }), false);
  assertEquals(chunks.needs({ first: 16, count: 1 }), true);
});

Deno.test("missing chunks: the last run is shorter, and so is its last chunk", () => {
  const { chunks } = missing();
  assertEquals(chunks.of(2, 16), [{ first: 32, count: 3 }]);
  assertEquals(chunks.had({ first: 34, count: 1 }), { chunks: 1, bytes: 5, whole: false });
  assertEquals(chunks.of(2, 16), [{ first: 32, count: 2 }]);
  assertEquals(chunks.had({ first: 32, count: 2 }).whole, true);
});

Deno.test("missing chunks: asked for in ranges, around what is there", () => {
  const { chunks } = missing();
  chunks.had({ first: 4, count: 1 });
  chunks.had({ first: 9, count: 2 });
  assertEquals(chunks.of(0, 4), [
    { first: 0, count: 4 },
    { first: 5, count: 4 },
    { first: 11, count: 4 },
    { first: 15, count: 1 },
  ]);
  assertEquals(chunks.countIn(0), 3);
});

Deno.test("missing chunks: what is not wanted counts as there", () => {
  const { map, chunks } = missing();
  chunks.only({ first: 15, count: 3 });
  assertEquals([map.has(0), map.has(1), map.has(2)], [false, false, true]);
  assertEquals([...chunks.of(0, 16), ...chunks.of(1, 16)], [
    { first: 15, count: 1 },
    { first: 16, count: 2 },
  ]);
});
