/**
 * Folders that several peers fetch at the same time, or that one which has fetched them serves:
 * they help each other.
 */
import { assert, assertEquals } from "@std/assert";
import type { ListedFile, PeerStatus, Receipt } from "../../src/peer/api/peer_api.ts";
import { eventually } from "../e2e/checks.ts";
import { lastLine, type Peer, World, writeRandom } from "../e2e/world.ts";
import { assertSameTree } from "../e2e/trees.ts";

const MIB = 1 << 20;
const SMALL = 200;
const SMALL_SIZE = 20_000;
const LARGE_SIZE = 12 * MIB;

/** A peer that serves a folder of small files and a large one, at that rate. */
async function sharer(world: World, rate: string): Promise<Peer> {
  const peer = await world.peer("sharer", { args: ["--limit-up", rate] });
  await Deno.mkdir(`${peer.dir}/tree/deep`, { recursive: true });
  for (let index = 0; index < SMALL; index++) {
    await writeRandom(`${peer.dir}/tree/deep/${index}`, SMALL_SIZE);
  }
  await writeRandom(`${peer.dir}/tree/large`, LARGE_SIZE);
  await world.json(peer.dir, ["share", "tree"]);
  return peer;
}

/** Puts that peer's place in the world to use again, with nothing to slow it down. */
async function comeBack(world: World, origin: Peer): Promise<void> {
  await origin.program.stop();
  await world.peer("sharer");
}

/** Bytes that a folder's download has so far. */
async function bytesAt(world: World, dir: string): Promise<number> {
  const { transfers } = await world.json<PeerStatus>(dir, ["status"]);
  return transfers.find(({ direction }) => direction === "down")?.bytes ?? 0;
}

/** Bytes of a change that an update has brought so far. */
async function updateAt(world: World, dir: string): Promise<number> {
  const { transfers } = await world.json<PeerStatus>(dir, ["status"]);
  const unchanged = LARGE_SIZE + SMALL * SMALL_SIZE * 0.9;
  const update = transfers.find(({ direction, state }) =>
    direction === "down" && state === "active"
  );
  return (update?.bytes ?? 0) - unchanged;
}

/** The id of the version of the folder that is found. */
async function idOfVersion(world: World, dir: string): Promise<string | undefined> {
  const files = await world.json<ListedFile[]>(dir, ["list-files", "tree"]);
  return files[0]?.id;
}

for (
  const [what, enough] of [["small files", 2 * MIB], [
    "parts of large files",
    SMALL * SMALL_SIZE + 4 * MIB,
  ]] as const
) {
  Deno.test(`a peer that still fetches a folder serves ${what} of it that it has`, async () => {
    await using world = await World.create();
    const origin = await sharer(world, "3M");
    const [near, far] = [await world.peer("near"), await world.peer("far")];
    const wait = ["--wait", "10m", "--json"];
    const first = world.start(near.dir, ["get", "tree", ...wait]);
    await eventually("some of it is there", async () => await bytesAt(world, near.dir) > enough);
    await origin.program.stop();
    const had = await bytesAt(world, near.dir);
    // Nobody but the one that is fetching it can be asked.
    const second = world.start(far.dir, ["get", "tree", ...wait]);
    await eventually("it is passed on", async () => await bytesAt(world, far.dir) > had / 2);
    await world.peer("sharer");
    assertEquals([await first.ended(), await second.ended()], [0, 0], second.stderr);
    for (const { dir } of [near, far]) await assertSameTree(`${dir}/tree`, `${origin.dir}/tree`);
    const { sources } = JSON.parse(lastLine(second.stdout)) as Receipt;
    const passed = sources.find(({ address }) => address === near.address);
    assert(passed && passed.bytes > had / 2, JSON.stringify(sources));
  });
}

for (const where of ["in DIR", "elsewhere"]) {
  Deno.test(`a peer that still updates a folder ${where} serves what there is of it`, async () => {
    await using world = await World.create();
    const origin = await sharer(world, "0");
    const [near, far] = [await world.peer("near"), await world.peer("far")];
    const copy = where === "in DIR" ? `${near.dir}/tree` : `${await world.folder(where)}/copy`;
    const get = ["get", "tree", "-o", copy];
    await world.json(near.dir, get);
    const old = await idOfVersion(world, near.dir);
    await origin.program.stop();
    const slow = await world.peer("sharer", { args: ["--limit-up", "2M"] });
    await writeRandom(`${slow.dir}/tree/larger`, LARGE_SIZE);
    for (let index = 0; index < SMALL; index += 10) {
      await Deno.writeTextFile(`${slow.dir}/tree/deep/${index}`, `changed ${index}`);
    }
    await world.json(slow.dir, ["share", "tree"]);
    const wait = ["--wait", "10m", "--json"];
    const update = world.start(near.dir, [...get, "--update", ...wait]);
    await eventually(
      "some of it is there",
      async () => await updateAt(world, near.dir) > 2 * MIB,
    );
    await slow.program.stop();
    // Nobody but the one that is updating it can be asked, and it has most of it.
    const second = world.start(far.dir, ["get", "tree", ...wait]);
    await eventually(
      "it is passed on",
      async () => await bytesAt(world, far.dir) > LARGE_SIZE + SMALL * SMALL_SIZE / 2,
    );
    assert(await idOfVersion(world, far.dir) !== old, "what is announced is the new version");
    await world.peer("sharer");
    assertEquals([await update.ended(), await second.ended()], [0, 0], second.stderr);
    for (const tree of [copy, `${far.dir}/tree`]) await assertSameTree(tree, `${origin.dir}/tree`);
    const { sources } = JSON.parse(lastLine(second.stdout)) as Receipt;
    const passed = sources.find(({ address }) => address === near.address);
    assert(passed && passed.bytes > LARGE_SIZE, JSON.stringify(sources));
  });
}

Deno.test("an update that is given up leaves the older version announced", async () => {
  await using world = await World.create();
  const origin = await sharer(world, "0");
  const near = await world.peer("near");
  await world.json(near.dir, ["get", "tree"]);
  const old = await idOfVersion(world, near.dir);
  await origin.program.stop();
  const slow = await world.peer("sharer", { args: ["--limit-up", "1M"] });
  await writeRandom(`${slow.dir}/tree/larger`, LARGE_SIZE);
  await world.json(slow.dir, ["share", "tree"]);
  const update = world.start(near.dir, ["get", "tree", "--update", "--wait", "10m"]);
  await eventually("some of it is there", async () => await updateAt(world, near.dir) > 0);
  await slow.program.stop();
  await eventually("new", async () => await idOfVersion(world, near.dir) !== old);
  await world.run(near.dir, ["cancel", "tree"]);
  assert(await update.ended() !== 0);
  await eventually("old", async () => await idOfVersion(world, near.dir) === old);
  await world.json(await world.folder("getter"), ["get", "tree"]);
});

Deno.test("--seed-for serves a folder that was put elsewhere", async () => {
  await using world = await World.create();
  const origin = await sharer(world, "0");
  const elsewhere = await world.folder("elsewhere");
  const dir = await world.folder("seeder");
  const output = `${elsewhere}/copy`;
  const words = ["get", "tree", "-o", output, "--seed-for", "1h", "--host", "127.0.0.1"];
  const seeder = world.start(dir, words);
  await seeder.sees(/Serving it for/);
  await origin.program.stop();
  const other = await world.folder("other");
  await world.json(other, ["get", "tree"]);
  await assertSameTree(`${other}/tree`, `${origin.dir}/tree`);
  assertEquals(await seeder.stop("SIGTERM"), 0, seeder.stderr);
});

Deno.test("two downloads of a folder to one place: the second waits, or exits with 10", async () => {
  await using world = await World.create();
  const origin = await sharer(world, "500K");
  const place = await world.folder("place");
  const words = ["get", "tree", "-o", `${place}/copy`];
  const first = world.start(await world.folder("one"), [...words, "--wait", "10m"]);
  await eventually(
    "it has begun",
    () => [...Deno.readDirSync(place)].some(({ name }) => name.endsWith(".shoal-lock")),
  );
  const two = await world.folder("two");
  assertEquals((await world.run(two, words)).code, 10);
  await comeBack(world, origin);
  const receipt = await world.json<Receipt>(two, [...words, "--wait-lock"]);
  assertEquals([await first.ended(), receipt.up_to_date], [0, true]);
  await assertSameTree(`${place}/copy`, `${origin.dir}/tree`);
  assertEquals([...Deno.readDirSync(place)].map(({ name }) => name), ["copy"], "no lock is left");
});
