/**
 * Folders whose fetching or updating is killed: nothing half-done shows, and what arrived is used.
 */
import { assert, assertEquals } from "@std/assert";
import { CHUNK_SIZE } from "../../src/content/sizes.ts";
import type { PeerStatus, Receipt } from "../../src/peer/api/peer_api.ts";
import { assertRefused, eventually, placedIn } from "../e2e/checks.ts";
import { type Peer, World, writeRandom } from "../e2e/world.ts";
import { assertSameTree } from "../e2e/trees.ts";

const MIB = 1 << 20;
const SMALL = 400;
const SMALL_SIZE = 20_000;
const LARGE_SIZE = 24 * MIB;
const TOTAL = SMALL * SMALL_SIZE + LARGE_SIZE;
const SLOWLY = ["--limit-up", "3M"];

/**
 * A peer that serves a folder of small files and a large one: slowly, so that there is time to be in its
 * way even where much else is going on.
 */
async function slowSharer(world: World): Promise<Peer> {
  const peer = await world.peer("sharer", { args: SLOWLY });
  for (let index = 0; index < SMALL; index++) {
    const folder = `${peer.dir}/tree/${index % 20}`;
    await Deno.mkdir(folder, { recursive: true });
    await writeRandom(`${folder}/${index}`, SMALL_SIZE);
  }
  await writeRandom(`${peer.dir}/tree/large`, LARGE_SIZE);
  await world.json(peer.dir, ["share", "tree"]);
  return peer;
}

/** Starts that peer again, to serve as fast as it can, or slowly again. */
async function restart(world: World, { program }: Peer, args: string[] = []): Promise<Peer> {
  await program.stop();
  return await world.peer("sharer", { args });
}

/** Bytes of files under a folder. */
function bytesIn(folder: string): number {
  let bytes = 0;
  try {
    for (const { name, isDirectory, isFile } of Deno.readDirSync(folder)) {
      const path = `${folder}/${name}`;
      if (isDirectory) bytes += bytesIn(path);
      else if (isFile) bytes += (Deno.statSync(path).blocks ?? 0) * 512;
    }
  } catch {
    // It comes and goes.
  }
  return bytes;
}

Deno.test("a folder that is killed on its way leaves nothing in its place, and goes on", async () => {
  await using world = await World.create();
  const sharer = await slowSharer(world);
  const dir = await world.folder("getter");
  for (const [kill, enough] of [3 * MIB, SMALL * SMALL_SIZE + 6 * MIB].entries()) {
    const get = world.start(dir, ["get", "tree"]);
    await eventually("some of it is there", () => bytesIn(`${dir}/.shoal/partials`) > enough);
    await get.stop("SIGKILL");
    assertEquals(placedIn(dir), [], `kill ${kill}`);
  }
  const [partial] = (await world.json<PeerStatus>(dir, ["status"])).partials;
  assertEquals([partial.kind, partial.name, partial.size], ["folder", "tree", TOTAL]);
  await restart(world, sharer);
  const receipt = await world.json<Receipt>(dir, ["get", "tree"]);
  // Of the large file, a kill may cost what no checkpoint vouches for.
  assert(receipt.bytes <= LARGE_SIZE, `${receipt.bytes} bytes were fetched again`);
  await assertSameTree(`${dir}/tree`, `${sharer.dir}/tree`);
  assertEquals(placedIn(`${dir}/.shoal/partials`), []);
  assertEquals((await world.json<PeerStatus>(dir, ["status"])).partials, []);
});

Deno.test("a running peer goes on with a folder by itself, and shows it as one transfer", async () => {
  await using world = await World.create();
  const sharer = await slowSharer(world);
  const getter = await world.peer("getter");
  const get = world.start(getter.dir, ["get", "tree"]);
  await eventually("it is under way", async () => {
    const { transfers } = await world.json<PeerStatus>(getter.dir, ["status"]);
    return transfers.some(({ state, size, percent }) =>
      state === "active" && size === TOTAL && percent > 5
    );
  });
  const { transfers } = await world.json<PeerStatus>(getter.dir, ["status"]);
  assertEquals(transfers.map(({ name, direction }) => [name, direction]), [["tree", "down"]]);
  await getter.program.stop("SIGKILL");
  await get.ended();
  assertEquals(placedIn(getter.dir), []);
  await restart(world, sharer);
  await world.peer("getter");
  await eventually("it is whole", () => placedIn(getter.dir).length > 0);
  await assertSameTree(`${getter.dir}/tree`, `${sharer.dir}/tree`);
});

Deno.test("an update that is killed leaves each file old or new, and goes on", async () => {
  await using world = await World.create();
  const quick = await restart(world, await slowSharer(world));
  const dir = await world.folder("getter");
  await world.json(dir, ["get", "tree"]);
  const sharer = await restart(world, quick, SLOWLY);
  const before = await Deno.readFile(`${dir}/tree/large`);
  await writeRandom(`${sharer.dir}/tree/larger`, LARGE_SIZE);
  await Deno.rename(`${sharer.dir}/tree/larger`, `${sharer.dir}/tree/large`);
  await Deno.writeTextFile(`${sharer.dir}/tree/0/0`, "new");
  await world.json(sharer.dir, ["share", "tree"]);
  const update = world.start(dir, ["get", "tree", "--update"]);
  await eventually("some of it is there", () => bytesIn(`${dir}/.shoal/partials`) > 6 * MIB);
  await update.stop("SIGKILL");
  const after = await Deno.readFile(`${dir}/tree/large`);
  assert(before.length === after.length && before.every((byte, index) => byte === after[index]));
  await restart(world, sharer);
  const receipt = await world.json<Receipt>(dir, ["get", "tree", "--update"]);
  assertEquals(receipt.files?.unchanged, SMALL - 1);
  await assertSameTree(`${dir}/tree`, `${sharer.dir}/tree`);
});

Deno.test("what a folder's deadline leaves is shown, and counted as what was there", async () => {
  await using world = await World.create();
  const sharer = await slowSharer(world);
  const dir = await world.folder("getter");
  assertEquals((await world.run(dir, ["get", "tree", "--deadline", "4s"])).code, 9);
  const [partial] = (await world.json<PeerStatus>(dir, ["status"])).partials;
  assert(partial.bytes > MIB && partial.bytes < TOTAL, `${partial.bytes} bytes`);
  await restart(world, sharer);
  const { bytes, chunks } = await world.json<Receipt>(dir, ["get", "tree"]);
  assert(bytes < TOTAL, `${bytes} bytes were fetched`);
  assertEquals(chunks.reused + chunks.fetched, SMALL + LARGE_SIZE / CHUNK_SIZE);
  // Each small file is a chunk of its own.
  const least = Math.ceil(bytes / CHUNK_SIZE);
  assert(chunks.fetched >= least && chunks.fetched <= least + SMALL, `${chunks.fetched} chunks`);
  await assertSameTree(`${dir}/tree`, `${sharer.dir}/tree`);
});

Deno.test("--no-clobber leaves alone what an update has begun, too", async () => {
  await using world = await World.create();
  const sharer = await slowSharer(world);
  const dir = await world.folder("getter");
  await Deno.mkdir(`${dir}/mine`);
  await Deno.writeTextFile(`${dir}/mine/file`, "mine");
  const words = ["get", "tree", "-o", `${dir}/mine`];
  await world.json(dir, ["trust", "accept", "tree"]);
  assertEquals((await world.run(dir, [...words, "--update", "--deadline", "4s"])).code, 9);
  const partials = async () => (await world.json<PeerStatus>(dir, ["status"])).partials;
  const before = await partials();
  assertEquals(before.length, 1);
  assertEquals((await world.json<Receipt>(dir, [...words, "--no-clobber"])).kept, true);
  assertEquals(await partials(), before);
  const part = ["get", "tree/0", "-o", `${dir}/mine`, "--no-clobber"];
  assertEquals((await world.json<Receipt>(dir, part)).kept, true);
  assertEquals(await partials(), before);
  assertEquals(placedIn(`${dir}/mine`), ["file"]);
  await restart(world, sharer);
  const receipt = await world.json<Receipt>(dir, [...words, "--update"]);
  assert(receipt.bytes < TOTAL, `${receipt.bytes} bytes were fetched`);
  await Deno.remove(`${dir}/mine/file`);
  await assertSameTree(`${dir}/mine`, `${sharer.dir}/tree`);
});

Deno.test("a folder that is cancelled leaves nothing, and a lost source is waited for", async () => {
  await using world = await World.create();
  const sharer = await slowSharer(world);
  const dir = await world.folder("getter");
  const get = world.start(dir, ["get", "tree", "--wait", "2s"]);
  await eventually("some of it is there", () => bytesIn(`${dir}/.shoal/partials`) > 2 * MIB);
  await sharer.program.stop("SIGKILL");
  assertEquals(await get.ended(), 4);
  assertEquals(placedIn(dir), []);
  assertEquals((await world.json<PeerStatus>(dir, ["status"])).partials.length, 1);
  const cancelled = await world.run(dir, ["cancel", "tree"]);
  assertEquals(cancelled.code, 0);
  assertEquals(placedIn(`${dir}/.shoal/partials`), []);
  assertRefused(await world.run(dir, ["cancel", "tree"]), { code: 3 });
});
