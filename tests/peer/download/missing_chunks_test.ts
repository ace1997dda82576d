import { assertEquals } from "@std/assert";
import { treeShape } from "../../../src/content/hash_tree.ts";
import { pieceCount, PieceMap } from "../../../src/content/piece_map.ts";
import { MissingChunks } from "../../../src/peer/download/missing_chunks.ts";

const CHUNK = 65_536;

/** Three pieces, and a fourth of three chunks, the last of which has 5 bytes; `whole` are those added. */
function missing() {
  const size = 14 * CHUNK + 5;
  const map = new PieceMap(pieceCount(size));
  const whole: number[] = [];
  map.onAdded((piece) => whole.push(piece));
  return { map, whole, chunks: new MissingChunks(treeShape(size), map) };
}

const piece = (first: number, end = first + 1) => ({ first, end });

Deno.test("missing chunks: each counts once, and a piece is whole with its last one", () => {
  const { map, whole, chunks } = missing();
  assertEquals(chunks.countIn(0), 0);
  assertEquals(chunks.had({ first: 0, count: 3 }), { chunks: 3, bytes: 3 * CHUNK });
  assertEquals(whole, []);
  assertEquals(chunks.had({ first: 2, count: 2 }), { chunks: 1, bytes: CHUNK });
  assertEquals([whole, map.has(0)], [[0], true]);
  assertEquals(chunks.had({ first: 1, count: 2 }), { chunks: 0, bytes: 0 });
  assertEquals([chunks.countIn(0), chunks.countIn(1), chunks.countIn(3)], [4, 0, 0]);
  assertEquals(chunks.needs({ first: 0, count: 4 }), false);
  assertEquals(chunks.needs({ first: 0, count: 5 }), true);
});

Deno.test("missing chunks: what covers several pieces counts in each of them", () => {
  const { whole, chunks } = missing();
  chunks.had({ first: 5, count: 1 });
  assertEquals(chunks.had({ first: 2, count: 9 }), { chunks: 8, bytes: 8 * CHUNK });
  assertEquals(whole, [1]);
  assertEquals(chunks.of(piece(0, 4), 16), [{ first: 0, count: 2 }, { first: 11, count: 4 }]);
  assertEquals(chunks.had({ first: 0, count: 15 }), { chunks: 6, bytes: 5 * CHUNK + 5 });
  assertEquals(whole, [1, 0, 2, 3]);
});

Deno.test("missing chunks: the last piece is shorter, and so is its last chunk", () => {
  const { whole, chunks } = missing();
  assertEquals(chunks.of(piece(3), 16), [{ first: 12, count: 3 }]);
  assertEquals(chunks.had({ first: 14, count: 1 }), { chunks: 1, bytes: 5 });
  assertEquals(chunks.of(piece(3), 16), [{ first: 12, count: 2 }]);
  chunks.had({ first: 12, count: 2 });
  assertEquals(whole, [3]);
});

Deno.test("missing chunks: asked for in ranges, around what is there", () => {
  const { chunks } = missing();
  chunks.had({ first: 4, count: 1 });
  chunks.had({ first: 9, count: 2 });
  assertEquals(chunks.of(piece(0, 4), 4), [
    { first: 0, count: 4 },
    { first: 5, count: 4 },
    { first: 11, count: 4 },
  ]);
  assertEquals([chunks.countIn(1), chunks.countIn(2)], [1, 2]);
});

Deno.test("missing chunks: a range has its digests in one block", () => {
  const size = 2_060 * CHUNK;
  const chunks = new MissingChunks(treeShape(size), new PieceMap(pieceCount(size)));
  assertEquals(chunks.of(piece(510, 514), 16), [
    { first: 2_040, count: 8 },
    { first: 2_048, count: 8 },
  ]);
  assertEquals(chunks.of(piece(508, 512), 16), [{ first: 2_032, count: 16 }]);
});

Deno.test("missing chunks: what is not wanted counts as there", () => {
  const { map, chunks } = missing();
  chunks.only({ first: 3, count: 3 });
  assertEquals([0, 1, 2, 3].map((at) => map.has(at)), [false, false, true, true]);
  assertEquals(chunks.of(piece(0, 4), 16), [{ first: 3, count: 3 }]);
});
