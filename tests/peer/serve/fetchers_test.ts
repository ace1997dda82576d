import { assertEquals } from "@std/assert";
import { FileFetchers } from "../../../src/peer/serve/file_fetchers.ts";
import type { PieceNotices } from "../../../src/peer/serve/piece_notices.ts";

const FILE = "ab".repeat(32);

/** A requester, and the pieces that it was told are promised to others. */
function fetcher() {
  const told: number[] = [];
  const taken = (file: string, piece: number) => {
    assertEquals(file, FILE);
    told.push(piece);
  };
  return { told, notices: { taken } as unknown as PieceNotices };
}

Deno.test("fetchers: the first to ask for a piece takes it, and the others are told once", () => {
  const fetchers = new FileFetchers();
  const [a, b, c, stranger] = [fetcher(), fetcher(), fetcher(), fetcher()];
  for (const { notices } of [a, b, c]) fetchers.add(notices);
  assertEquals(fetchers.isTaken(7, a.notices), false, "nobody asked for it");
  fetchers.ask(FILE, 7, a.notices);
  fetchers.ask(FILE, 7, a.notices);
  fetchers.ask(FILE, 7, b.notices);
  fetchers.ask(FILE, 8, b.notices);
  assertEquals([a.told, b.told, c.told], [[8], [7], [7, 8]]);
  const isTaken = (piece: number) =>
    [a, b, stranger].map((it) => fetchers.isTaken(piece, it.notices));
  assertEquals(isTaken(7), [false, true, true]);
  assertEquals(isTaken(8), [true, false, true]);
  fetchers.ask(FILE, 9, stranger.notices);
  assertEquals(isTaken(9), [false, false, false], "it fetches nothing: nobody could ask it");
  assertEquals([a.told, stranger.told], [[8], []]);
});

Deno.test("fetchers: what one who left was the first to ask for is anybody's again", () => {
  const fetchers = new FileFetchers();
  const [a, b, c] = [fetcher(), fetcher(), fetcher()];
  for (const { notices } of [a, b, c]) fetchers.add(notices);
  for (const piece of [1, 2]) fetchers.ask(FILE, piece, a.notices);
  fetchers.ask(FILE, 3, b.notices);
  fetchers.remove(a.notices);
  assertEquals(fetchers.size, 2);
  assertEquals([1, 2, 3].map((piece) => fetchers.isTaken(piece, c.notices)), [false, false, true]);
  fetchers.ask(FILE, 1, b.notices);
  assertEquals(fetchers.isTaken(1, c.notices), true);
  assertEquals([a.told, c.told], [[3], [1, 2, 3, 1]], "who left hears nothing");
});

Deno.test("fetchers: too many are not told, but still refused; the oldest takers are forgotten", () => {
  const fetchers = new FileFetchers();
  const many = Array.from({ length: 65 }, fetcher);
  for (const { notices } of many) fetchers.add(notices);
  const [first, second] = many;
  fetchers.ask(FILE, 0, first.notices);
  assertEquals(many.flatMap(({ told }) => told), []);
  assertEquals(fetchers.isTaken(0, second.notices), true);
  for (let piece = 1; piece < 65_536; piece++) fetchers.ask(FILE, piece, first.notices);
  assertEquals(fetchers.isTaken(0, second.notices), true);
  fetchers.ask(FILE, 65_536, first.notices);
  assertEquals([0, 1].map((piece) => fetchers.isTaken(piece, second.notices)), [false, true]);
});
