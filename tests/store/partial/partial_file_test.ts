import { assert, assertEquals, assertThrows } from "@std/assert";
import { PIECE_SIZE, pieceCount } from "../../../src/content/piece_map.ts";
import { Fault } from "../../../src/fault.ts";
import { PartialFile } from "../../../src/store/partial/partial_file.ts";
import { assertSameBytes } from "../../support/bytes.ts";
import { faultOf } from "../../support/faults.ts";
import { Permit } from "../../../src/trust/permit.ts";
import { piecesOf, Place } from "../../support/place.ts";
import { settle } from "../../support/settle.ts";

const CHUNK = 65_536;

Deno.test("partial: what was there is there again, verified, and the rest makes the file", async () => {
  for (
    const size of [1, CHUNK, PIECE_SIZE, PIECE_SIZE + 1, 3 * PIECE_SIZE - 1, 9 * PIECE_SIZE + CHUNK]
  ) {
    await using place = await Place.create(size);
    const pieces = pieceCount(size);
    const first = place.open();
    assertEquals([first.map.count, first.unchecked], [0, 0]);
    for (let piece = 0; piece < pieces - 1; piece++) await place.store(first, piece);
    await first.close();
    place.restart();
    const second = place.open();
    assertEquals([second.map.count, second.unchecked], [0, pieces - 1], "nothing is believed");
    let checked = 0;
    await second.check({ onChecked: (bytes) => checked += bytes });
    assertEquals([second.map.count, second.unchecked], [pieces - 1, 0]);
    assertEquals(checked, (pieces - 1) * PIECE_SIZE);
    await place.store(second, pieces - 1);
    assertEquals(second.bytes, size);
    await second.publish({ path: place.folder.at("file"), permit: Permit.keep }, { mtime: 1_000 });
    assertSameBytes(await Deno.readFile(place.folder.at("file")), place.content);
    assertEquals(place.downloads.list(), []);
    assertEquals([...Deno.readDirSync(place.folder.at("partials"))], []);
  }
});

Deno.test("partial: the map never claims what no sync has covered", async () => {
  await using place = await Place.create(4 * PIECE_SIZE);
  let sync = () => Promise.resolve();
  const timers: (() => void)[] = [];
  const partial = place.open({
    checkpoints: { sync: () => sync(), timer: (work) => (timers.push(work), () => {}) },
  });
  await place.store(partial, 0);
  timers.shift()!();
  await settle();
  assertEquals(place.claimed(), [0]);
  await place.store(partial, 1);
  const syncing = Promise.withResolvers<void>();
  sync = () => syncing.promise;
  timers.shift()!();
  await place.store(partial, 2);
  await settle();
  assertEquals(place.claimed(), [0], "the sync is under way");
  syncing.reject(Object.assign(new Error("EIO"), { code: "EIO" }));
  await settle();
  assertEquals(place.claimed(), [0]);
  await faultOf("disk", place.store(partial, 3));
  sync = () => Promise.resolve();
  await faultOf(
    "disk",
    partial.publish({ path: place.folder.at("file"), permit: Permit.keep }, { mtime: 0 }),
  );
  await faultOf("disk", partial.close());
  assertEquals(place.claimed(), [0], "a later sync proves nothing of what failed before");
  place.restart();
  const again = place.open();
  await again.check();
  assertEquals(piecesOf(again.map), [0]);
  await again.discard();
});

Deno.test("partial: what is wrong on disk is not there, all else is", async () => {
  await using place = await Place.create(5 * PIECE_SIZE + 10);
  const first = place.open();
  for (const piece of [0, 1, 2, 3, 5]) await place.store(first, piece);
  await first.close();
  place.restart();
  using file = await Deno.open(place.path, { write: true });
  await file.seek(2 * PIECE_SIZE + 77, Deno.SeekMode.Start);
  await file.write(new Uint8Array([place.content[2 * PIECE_SIZE + 77] ^ 1]));
  const second = place.open();
  await second.check();
  assertEquals(piecesOf(second.map), [0, 1, 3, 5]);
  assertEquals(place.claimed(), [0, 1, 3, 5]);
  for (const piece of [2, 4]) await place.store(second, piece);
  await second.publish({ path: place.folder.at("file"), permit: Permit.keep }, { mtime: 0 });
  assertSameBytes(await Deno.readFile(place.folder.at("file")), place.content);
});

Deno.test("partial: cut off, or longer than the file, it costs what is missing", async () => {
  await using place = await Place.create(3 * PIECE_SIZE);
  for (
    const [length, left] of [[PIECE_SIZE + 5, [0]], [0, []], [3 * PIECE_SIZE + 1, []]] as const
  ) {
    const first = place.open();
    await first.check();
    for (const piece of [0, 1, 2]) if (!first.map.has(piece)) await place.store(first, piece);
    await first.close();
    await Deno.truncate(place.path, length);
    place.restart();
    const second = place.open();
    await second.check();
    assertEquals(piecesOf(second.map), [...left]);
    await second.close();
  }
});

Deno.test("partial: a check that is broken off loses nothing", async () => {
  await using place = await Place.create(16 * PIECE_SIZE);
  const first = place.open();
  for (let piece = 0; piece < 16; piece++) await place.store(first, piece);
  await first.close();
  place.restart();
  const second = place.open();
  const stop = new AbortController();
  const checking = second.check({ signal: stop.signal, onChecked: () => stop.abort() });
  await checking.then(() => assert(false), (error) => assertEquals(error.name, "AbortError"));
  assert(second.unchecked > 0);
  await second.close();
  assertEquals(place.claimed().length, 16);
});

Deno.test("partial: this process believes itself, unless the file was changed since", async () => {
  await using place = await Place.create(2 * PIECE_SIZE);
  const first = place.open();
  await place.store(first, 0);
  await first.close();
  const second = place.open();
  assertEquals([second.unchecked, piecesOf(second.map)], [0, [0]]);
  await second.close();
  using file = await Deno.open(place.path, { write: true });
  await file.write(new Uint8Array(10));
  await file.utime(1, 1);
  const third = place.open();
  assertEquals([third.unchecked, piecesOf(third.map)], [1, []]);
  await third.close();
});

Deno.test("partial: it serves what is verified, tells of it, and nothing else", async () => {
  await using place = await Place.create(3 * PIECE_SIZE + 100);
  const partial = place.open();
  const heard: number[] = [];
  const stop = partial.map.onAdded((piece) => heard.push(piece));
  const into = new Uint8Array(CHUNK);
  assertEquals(partial.read(0, into), false);
  await place.store(partial, 1);
  assert(partial.read(PIECE_SIZE, into));
  assertSameBytes(into, place.content.subarray(PIECE_SIZE, PIECE_SIZE + CHUNK));
  assertEquals(partial.read(PIECE_SIZE - 1, into), false, "it begins in a piece that is not there");
  assertEquals(partial.read(2 * PIECE_SIZE - 1, into), false, "it ends in one");
  await place.store(partial, 3);
  assert(partial.read(3 * PIECE_SIZE, into.subarray(0, 100)));
  assertEquals(partial.read(3 * PIECE_SIZE + 50, into), false, "there is no more of the file");
  assertEquals(heard, [1, 3]);
  stop();
  await place.store(partial, 0);
  assertEquals(heard, [1, 3]);
  await partial.close();
  assertEquals(partial.read(PIECE_SIZE, into), false);
});

Deno.test("partial: a file that has a second name by now is never written to", async () => {
  await using place = await Place.create(2 * PIECE_SIZE);
  const first = place.open();
  await place.store(first, 0);
  await first.close();
  await Deno.link(place.path, place.folder.at("file"));
  const before = await Deno.readFile(place.folder.at("file"));
  const second = place.open();
  assertEquals([second.map.count, second.unchecked], [0, 0]);
  await place.store(second, 1);
  assertSameBytes(await Deno.readFile(place.folder.at("file")), before);
  await second.discard();
});

Deno.test("partial: a destination that is taken leaves it whole", async () => {
  await using place = await Place.create(2 * PIECE_SIZE);
  const first = place.open();
  for (const piece of [0, 1]) await place.store(first, piece);
  await place.folder.write("file", "precious");
  const taken = { path: place.folder.at("file"), permit: Permit.keep };
  await faultOf("destination", first.publish(taken, { mtime: 0 }));
  await first.close();
  place.restart();
  assertEquals(place.claimed(), [0, 1]);
  const second = place.open();
  await second.check();
  assert(second.map.complete);
  await second.publish({ path: place.folder.at("file"), permit: Permit.own }, { mtime: 0 });
  assertSameBytes(await Deno.readFile(place.folder.at("file")), place.content);
});

Deno.test("partial: what can never fit is refused before anything is made for it", async () => {
  await using place = await Place.create(2 * PIECE_SIZE);
  const { id, downloads, disk } = place;
  const about = { id, name: "huge", size: Number.MAX_SAFE_INTEGER, overwrite: false };
  const huge = { ...about, taken: "first" as const };
  const options = { downloads, disk, digests: place.state.digests };
  const error = assertThrows(() => PartialFile.open(huge, options), Fault, "are free");
  assertEquals(error.kind, "disk");
  assertEquals(downloads.list(), [], "no room can be made for that");
  assertEquals([...Deno.readDirSync(place.folder.at("partials"))], []);
});
