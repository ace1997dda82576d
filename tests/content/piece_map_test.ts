import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { PIECE_SIZE, pieceCount, PieceMap } from "../../src/content/piece_map.ts";

const BOUNDARIES = [0, 1, 7, 8, 9, 15, 16, 17, 255, 256, 257];

Deno.test("piece map: as many pieces as a size needs, the last one shorter", () => {
  const table: [size: number, pieces: number][] = [
    [0, 0],
    [1, 1],
    [PIECE_SIZE - 1, 1],
    [PIECE_SIZE, 1],
    [PIECE_SIZE + 1, 2],
    [2 ** 53 - 1, 2 ** 35],
  ];
  for (const [size, pieces] of table) assertEquals(pieceCount(size), pieces, `${size} bytes`);
});

Deno.test("piece map: empty, full, and one byte for eight pieces", () => {
  for (const pieces of BOUNDARIES) {
    const empty = new PieceMap(pieces);
    const full = PieceMap.full(pieces);
    assertEquals([empty.count, full.count], [0, pieces]);
    assertEquals([empty.complete, full.complete], [pieces === 0, true]);
    for (const map of [empty, full]) assertEquals(map.bytes().length, Math.ceil(pieces / 8));
    for (let piece = 0; piece < pieces; piece++) assert(!empty.has(piece) && full.has(piece));
  }
});

Deno.test("piece map: the lowest bit comes first", () => {
  const map = new PieceMap(12);
  for (const piece of [0, 3, 8, 11]) map.add(piece);
  assertEquals(map.bytes(), new Uint8Array([0b0000_1001, 0b0000_1001]));
});

Deno.test("piece map: there are no pieces beyond the last one, nor before the first", () => {
  for (const pieces of BOUNDARIES) {
    const map = PieceMap.full(pieces);
    for (const piece of [-1, pieces, pieces + 1, pieces + 8, 2 ** 31, 2 ** 32, 2 ** 53 - 1]) {
      assertEquals([map.has(piece), map.add(piece)], [false, false], `piece ${piece} of ${pieces}`);
      map.remove(piece);
      assertEquals(map.count, pieces);
    }
  }
});

Deno.test("piece map: bits beyond the last piece are ignored", () => {
  for (const pieces of BOUNDARIES) {
    const ones = new Uint8Array(Math.ceil(pieces / 8)).fill(0xff);
    const map = PieceMap.from(pieces, ones);
    assertEquals([map.count, map.complete], [pieces, true]);
    if (pieces % 8 > 0) assertEquals(map.bytes().at(-1), 2 ** (pieces % 8) - 1);
    assertEquals(map.bytes(), PieceMap.full(pieces).bytes());
  }
});

Deno.test("piece map: bytes of a wrong length are refused", () => {
  for (const pieces of BOUNDARIES) {
    for (const off of [-1, 1]) {
      const length = Math.ceil(pieces / 8) + off;
      if (length < 0) continue;
      const what = `a map of ${pieces} pieces has ${length - off} bytes, not ${length}`;
      assertThrows(() => PieceMap.from(pieces, new Uint8Array(length)), RangeError, what);
    }
  }
});

Deno.test("piece map: bytes are copied, coming and going", () => {
  const bytes = new Uint8Array([1]);
  const map = PieceMap.from(8, bytes);
  bytes[0] = 255;
  map.bytes()[0] = 255;
  assertEquals([map.count, map.bytes()], [1, new Uint8Array([1])]);
});

Deno.test("piece map: whatever is added and removed, it is what a set would be", () => {
  const change = fc.record({ piece: fc.integer({ min: -2, max: 70 }), add: fc.boolean() });
  fc.assert(
    fc.property(fc.nat({ max: 65 }), fc.array(change, { size: "large" }), (pieces, changes) => {
      const map = new PieceMap(pieces);
      const model = new Set<number>();
      for (const { piece, add } of changes) {
        if (add) {
          const isNew = piece >= 0 && piece < pieces && !model.has(piece);
          assertEquals(map.add(piece), isNew);
          if (isNew) model.add(piece);
        } else {
          map.remove(piece);
          model.delete(piece);
        }
      }
      for (const same of [map, PieceMap.from(pieces, map.bytes())]) {
        assertEquals(same.count, model.size);
        assertEquals(same.complete, model.size === pieces);
        for (let piece = -2; piece <= 70; piece++) assertEquals(same.has(piece), model.has(piece));
      }
    }),
  );
});
