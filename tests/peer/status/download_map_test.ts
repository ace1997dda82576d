/** Figures of downloads as a page shows them: their maps, and rates over time. */
import { assert, assertEquals } from "@std/assert";
import { PIECE_SIZE, PieceMap } from "../../../src/content/piece_map.ts";
import { downloadMapOf } from "../../../src/peer/status/download_map.ts";
import type { Downloader } from "../../../src/peer/download/downloader.ts";
import { RateHistory } from "../../../src/peer/status/rate_history.ts";
import { PiecePicker } from "../../../src/peer/download/piece_picker.ts";
import { Transfers } from "../../../src/peer/status/transfers.ts";
import { faultOf } from "../../support/faults.ts";

const ID = "ab".repeat(32);

function mapOf(pieces: number, ...there: number[]): PieceMap {
  const map = new PieceMap(pieces);
  for (const piece of there) map.add(piece);
  return map;
}

/** The map of a download of this size that has these pieces, from these sources. */
function shown(size: number, map: PieceMap, holdings: PieceMap[] = [], chunks = 0) {
  const downloader = { holdings, chunksIn: () => chunks } as unknown as Downloader;
  return downloadMapOf(ID, { partial: { map, size }, downloader }, undefined);
}

Deno.test("download map: a cell for each piece of a small file, in parts", async () => {
  const size = 3 * PIECE_SIZE + 1;
  const sources = [PieceMap.full(4), mapOf(4, 1)];
  assertEquals(await shown(size, mapOf(4, 0, 3), sources, 1), {
    ...{ cells: 4, have: [100, 25, 25, 100], sources: [1, 2, 1, 1] },
  });
  assertEquals(await shown(1, mapOf(1)), { cells: 1, have: [0], sources: [0] });
  assertEquals(await shown(0, mapOf(0)), { cells: 0, have: [], sources: [] });
});

Deno.test("download map: at most 1,000 cells, and none is whole that lacks a chunk", async () => {
  for (const pieces of [999, 1_000, 1_001, 1_999, 1_000_003]) {
    const map = PieceMap.full(pieces);
    const full = await shown(pieces * PIECE_SIZE, map, [PieceMap.full(pieces)]);
    assertEquals(full.cells, Math.min(1_000, pieces));
    assertEquals([full.have.length, full.sources.length], [full.cells, full.cells]);
    assert(full.have.every((cell) => cell === 100) && full.sources.every((cell) => cell === 1));
    map.remove(pieces - 1);
    const lacking = await shown(pieces * PIECE_SIZE, map);
    assertEquals(lacking.have.filter((cell) => cell < 100).length, 1);
    assert(lacking.have.at(-1)! < 100);
  }
});

Deno.test("download map: nothing is known of what is not fetched", async () => {
  await faultOf("not_found", downloadMapOf(ID, undefined, undefined), "it is not being fetched");
});

Deno.test("rate history: bytes of each second, the oldest first", () => {
  let now = 5_000_999;
  const history = new RateHistory(() => now);
  history.add("up", 1);
  assertEquals(history.view().up.at(-1), 0, "the second is not over");
  now += 1;
  history.add("up", 2);
  history.add("up", 3);
  history.add("down", 7);
  now += 2_000;
  const { interval, up, down } = history.view();
  assertEquals([interval, up.length, down.length], [1, 300, 300]);
  assertEquals([up.slice(-3), down.slice(-3)], [[1, 5, 0], [0, 7, 0]]);
  now += 298_000;
  assertEquals(history.view().up.slice(0, 2), [5, 0]);
  now += 1_000;
  assert(history.view().up.every((bytes) => bytes === 0));
  now += 10_000_000;
  history.add("down", 9);
  now += 1_000;
  assertEquals(history.view().down.slice(-2), [0, 9]);
  assertEquals(history.view().down.filter((bytes) => bytes > 0).length, 1);
});

Deno.test("piece picker: what a reader waits for comes first, until it is taken", () => {
  const map = new PieceMap(10);
  const picker = new PiecePicker<string>({ map, horizon: () => Infinity });
  picker.add("full", PieceMap.full(10));
  picker.add("part", mapOf(10, 6));
  const reader = {};
  picker.prefer(reader, { first: 5, end: 8 });
  assertEquals(picker.take("full")?.first, 5);
  assertEquals(picker.take("part")?.first, 6);
  assertEquals(picker.take("full")?.first, 7);
  // One that failed is asked of others first.
  picker.release(6, "part", true);
  assertEquals(picker.take("part")?.first ?? picker.take("full")?.first, 6);
  picker.prefer(reader, undefined);
  const rest = new Set([5, 6, 7]);
  for (let piece; (piece = picker.take("full")?.first) !== undefined;) {
    assert(!rest.has(piece), `piece ${piece} is taken twice`);
    rest.add(piece);
  }
  assertEquals(rest.size, 10);
  for (const piece of rest) map.add(piece);
  assertEquals(picker.missing, 0);
});

Deno.test("transfers: one that paused makes way for the one that goes on", () => {
  const transfers = new Transfers();
  const first = transfers.download("file");
  first.id = ID;
  first.state = "cancelled";
  first.error = "Cannot get file: it was paused";
  transfers.mark(ID, "paused");
  assertEquals(transfers.list().map(({ state, error }) => [state, error]), [["paused", undefined]]);
  const second = transfers.download("file");
  second.id = ID;
  transfers.supersede(second);
  assertEquals(transfers.list().map(({ transfer }) => transfer), [second.transfer]);
  transfers.mark(ID, "paused");
  assertEquals(transfers.list()[0].state, "active", "it is being worked on");
  second.retries = () => 3;
  second.sources = () => 2;
  second.settle();
  second.state = "done";
  const [{ retries, sources, from }] = transfers.list();
  assertEquals([retries, sources, from], [3, 0, []]);
});
