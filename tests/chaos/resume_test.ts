/** Downloads that are killed, cancelled, starved of disk, or overtaken: they go on where they were. */
import { DatabaseSync } from "node:sqlite";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { PIECE_CHUNKS, PIECE_SIZE, pieceCount, PieceMap } from "../../src/content/piece_map.ts";
import type { PartialStatus, Receipt } from "../../src/peer/api/peer_api.ts";
import { assertRefused, contentsOf, eventually, partialsOf, placedIn } from "../e2e/checks.ts";
import { MountedDisk, noMount } from "../e2e/mounted_disk.ts";
import { Program } from "../e2e/program.ts";
import { sameFiles, writeRandom } from "../e2e/world.ts";
import { killAgainAndAgain } from "./killed_download.ts";
import {
  assertBounded,
  CHUNK,
  MIB,
  sharer,
  SIZE,
  sourceBehind,
  statusOf,
  worldWithData,
} from "./setting.ts";
import { skippedIf } from "../support/tools.ts";
import { TempFolder } from "../support/temp_folder.ts";

/** Kills of one download, and its size. `$SHOAL_CHAOS_KILLS` is for longer runs. */
const KILLS = Number(Deno.env.get("SHOAL_CHAOS_KILLS") ?? 10);
const KILLED_SIZE = 256 * MIB;
/** Most bytes that one kill may cost. */
const KILL_COST = 64 * MIB;

function partialPath(dir: string): string {
  const [name] = partialsOf(dir);
  return `${dir}/.shoal/partials/${name.slice("partial ".length)}`;
}

/**
 * Bytes that the state of a folder claims for good of the one download there. The peer that runs there has
 * its database to itself, so a copy is read, as a backup is made.
 */
async function checkpointOf(dir: string): Promise<number> {
  await using copy = await TempFolder.create();
  for (const name of ["state.db", "state.db-wal"]) {
    await Deno.copyFile(`${dir}/.shoal/${name}`, copy.at(name));
  }
  const db = new DatabaseSync(copy.at("state.db"));
  const [{ map }] = db.prepare("SELECT map FROM downloads").all();
  db.close();
  if (!(map instanceof Uint8Array)) throw new Error("the download has no map");
  return PieceMap.from(pieceCount(SIZE), map).count * PIECE_SIZE;
}

Deno.test("one download, killed again and again", async () => {
  await using world = await worldWithData(KILLED_SIZE);
  // The limit makes the download last about as long as it takes to be killed a few times.
  const source = await sharer(world, "source", { args: ["--limit-up", "100M"] });
  const dir = await world.folder("getter");
  const download = { source, dir, size: KILLED_SIZE, kills: KILLS };
  for (const cost of await killAgainAndAgain(world, download)) {
    assert(cost <= KILL_COST, `a kill cost ${cost} bytes`);
  }
  await assertBounded(source.program);
});

Deno.test("a killed peer goes on by itself when it starts", async () => {
  await using world = await worldWithData();
  await using source = await sourceBehind(world, "source", { pauseAfter: SIZE / 2 });
  const getter = await world.peer("getter");
  const get = world.start(getter.dir, ["get", "data"]);
  await get.meanwhile(source.proxy.paused);
  await eventually("a checkpoint", async () => {
    // A copy that was torn is made again.
    return await checkpointOf(getter.dir).catch(() => 0) >= SIZE / 4;
  });
  await getter.program.stop("SIGKILL");
  await get.ended();
  const { partials } = await statusOf(world, getter.dir);
  assertEquals(partials.map(({ name, size, state }) => [name, size, state]), [
    ["data", SIZE, "paused"],
  ]);
  assert(partials[0].bytes >= SIZE / 4, "listed without a running peer, too");
  source.proxy.resume();
  const again = await world.peer("getter");
  await eventually("the file is there", () => placedIn(again.dir).includes("data"));
  assert(await sameFiles(source.file, `${again.dir}/data`));
  await eventually("nothing is left", () => partialsOf(again.dir).length === 0);
  const { shares, partials: left, totals } = await statusOf(world, again.dir);
  assertEquals([shares.map(({ name }) => name), left], [["data"], []]);
  assert(totals.fetched < SIZE * 0.75, `${totals.fetched} bytes were fetched`);
  await assertBounded(again.program, source.peer.program);
});

Deno.test("what was damaged on disk is fetched again, and nothing else", async () => {
  await using world = await worldWithData();
  await using source = await sourceBehind(world, "source", { pauseAfter: SIZE / 2 });
  const dir = await world.folder("getter");
  const get = world.start(dir, ["get", "data"]);
  await get.meanwhile(source.proxy.paused);
  assertEquals(await get.stop(), 143);
  const [kept] = (await statusOf(world, dir)).partials;
  assert(kept.bytes > SIZE / 4 && kept.bytes % PIECE_SIZE === 0);
  source.proxy.resume();
  // Runs come in any order: the last byte of the file belongs to one that is there.
  using file = await Deno.open(partialPath(dir), { read: true, write: true });
  const { size } = await file.stat();
  const byte = new Uint8Array(1);
  let at = size - 1;
  for (; byte[0] === 0; at--) {
    await file.seek(at, Deno.SeekMode.Start);
    await file.read(byte);
  }
  await file.seek(at + 1, Deno.SeekMode.Start);
  await file.write(new Uint8Array([byte[0] ^ 1]));
  const receipt = await world.json<Receipt>(dir, ["get", "data"]);
  const lost = kept.bytes / CHUNK - receipt.chunks.reused;
  assert(lost === PIECE_CHUNKS || lost === 0, `${lost} chunks were lost`);
  assertEquals(receipt.chunks.reused + receipt.chunks.fetched, SIZE / CHUNK);
  assertEquals(receipt.bytes, receipt.chunks.fetched * CHUNK);
  assert(await sameFiles(source.file, `${dir}/data`));
  assertEquals(contentsOf(dir), ["data"]);
});

Deno.test("a download is cancelled: under way, and when it paused", async () => {
  await using world = await worldWithData();
  await using source = await sourceBehind(world, "source", { pauseAfter: SIZE / 2 });
  const getter = await world.peer("getter");
  const get = world.start(getter.dir, ["get", "data"]);
  await get.meanwhile(source.proxy.paused);
  const twice = await world.run(getter.dir, ["get", "data"]);
  assertRefused(twice, { code: 10, text: "it is being fetched already" });
  const [active] = (await statusOf(world, getter.dir)).partials;
  assertEquals([active.name, active.state], ["data", "active"]);
  const gone = await world.json<PartialStatus[]>(getter.dir, ["cancel", "data"]);
  assertEquals(gone.map(({ name, id }) => [name, id]), [["data", active.id]]);
  assertEquals(await get.ended(), 2);
  assertEquals(
    get.stderr,
    'shoal: Cannot get "data": it was cancelled\nnext: run it again, if it is still wanted\n',
  );
  assertEquals(contentsOf(getter.dir), []);
  assertEquals((await statusOf(world, getter.dir)).partials, []);
  assertRefused(await world.run(getter.dir, ["cancel", "data"]), {
    code: 3,
    text: 'Cannot cancel "data": it is not being fetched',
  });
  // The same without a running peer.
  const dir = await world.folder("once");
  const once = world.start(dir, ["get", "data", "--wait", "60s"]);
  await eventually("it began", () => partialsOf(dir).length === 1);
  await once.stop();
  const { code } = await world.run(dir, ["cancel", "data", "--id", "00000000"]);
  assertEquals(code, 3);
  const { code: cancelled, stdout } = await world.run(dir, ["cancel", "data"]);
  if (cancelled === 0) {
    assertMatch(stdout, /^data {2}cancelled {2}.* removed {2}id [0-9a-f]{12}\n$/);
  }
  assertEquals(contentsOf(dir), []);
});

Deno.test("a newer version takes the place of the partial of the older one", async () => {
  await using world = await worldWithData();
  await using source = await sourceBehind(world, "source", { pauseAfter: SIZE / 2 });
  const dir = await world.folder("getter");
  const get = world.start(dir, ["get", "data"]);
  await get.meanwhile(source.proxy.paused);
  await get.stop();
  source.proxy.resume();
  assertEquals((await statusOf(world, dir)).partials.length, 1);
  await Deno.remove(source.file);
  await writeRandom(source.file, 3 * MIB);
  await world.json(source.peer.dir, ["share", "data"]);
  const receipt = await world.json<Receipt>(dir, ["get", "data"]);
  assertEquals([receipt.size, receipt.chunks.reused], [3 * MIB, 0]);
  assert(await sameFiles(source.file, `${dir}/data`));
  assertEquals((await statusOf(world, dir)).partials, []);
  assertEquals(contentsOf(dir), ["data"]);
});

Deno.test("a deadline ends a download that has no source any more", async () => {
  await using world = await worldWithData();
  await using source = await sourceBehind(world, "source", { pauseAfter: SIZE / 2 });
  const dir = await world.folder("getter");
  const get = world.start(dir, ["get", "data", "--deadline", "15s"]);
  await get.meanwhile(source.proxy.paused);
  await source.peer.program.stop("SIGKILL");
  source.proxy.cut();
  const code = await get.ended();
  assertRefused({ code, stdout: get.stdout, stderr: get.stderr }, {
    code: 9,
    text: 'Cannot get "data": the deadline passed',
  });
  assertEquals([placedIn(dir), partialsOf(dir).length], [[], 1]);
  for (const text of ["soon", "0", "-1s", "25d"]) {
    const { code } = await world.run(dir, ["get", "data", `--deadline=${text}`]);
    assertEquals(code, 2, text);
  }
});

Deno.test("the shared file is cut off half-way: what was sent before is kept", async () => {
  await using world = await worldWithData();
  await using source = await sourceBehind(world, "source", { pauseAfter: SIZE / 2 });
  const dir = await world.folder("getter");
  const get = world.start(dir, ["get", "data", "--deadline", "60s"]);
  await get.meanwhile(source.proxy.paused);
  await Deno.truncate(source.file, SIZE * 0.75);
  source.proxy.resume();
  assert([4, 9].includes(await get.ended()), get.stderr);
  assertEquals([placedIn(dir), partialsOf(dir).length], [[], 1]);
  const [kept] = (await statusOf(world, dir)).partials;
  assert(kept.bytes >= SIZE / 4);
  await source.peer.program.stop();
  await using second = await sourceBehind(world, "second");
  const receipt = await world.json<Receipt>(dir, ["get", "data"]);
  assertEquals(receipt.chunks.reused, kept.bytes / CHUNK);
  assert(await sameFiles(second.file, `${dir}/data`));
  assertEquals(contentsOf(dir), ["data"]);
});

Deno.test({
  ...skippedIf(noMount, "a running peer whose disk fills up goes on when there is room"),
  async fn() {
    await using world = await worldWithData(12 * MIB);
    await using source = await sourceBehind(world, "source", { pauseAfter: 4 * MIB });
    await using disk = await MountedDisk.mount(world, 24 * MIB);
    const args = ["peer", "0", "--host", "127.0.0.1", "--dir", disk.path, ...world.options()];
    const peer = world.adopt(new Program(args));
    await peer.sees(/registered with/);
    const get = world.start(disk.path, ["get", "data"]);
    await get.meanwhile(source.proxy.paused);
    await disk.fill();
    source.proxy.resume();
    const code = await get.ended();
    assertRefused({ code, stdout: get.stdout, stderr: get.stderr }, { code: 7 });
    const [paused] = (await statusOf(world, disk.path)).partials;
    assertEquals([paused.name, paused.state], ["data", "paused"]);
    assertMatch(paused.error ?? "", /no space left|is full|are free/);
    await Deno.remove(`${disk.path}/filler`);
    await eventually("the file is there", () => placedIn(disk.path).includes("data"));
    assert(await sameFiles(source.file, `${disk.path}/data`));
    await eventually("nothing is left", () => partialsOf(disk.path).length === 0);
    await assertBounded(peer, source.peer.program);
    await peer.stop();
  },
});
