/**
 * The rules on what may be replaced or deleted at a destination: nothing of the user's for a
 * publisher that is not remembered.
 */
import { dirname } from "node:path";
import { assert, assertEquals } from "@std/assert";
import type { Receipt, TrustEntry } from "../../src/peer/api/peer_api.ts";
import { assertRefused, placedIn } from "./checks.ts";
import { publisher } from "./publishers.ts";
import { text } from "./trees.ts";
import { isRoot, lacking, noPosix, skippedIf } from "../support/tools.ts";
import { lastLine, World } from "./world.ts";

async function write(path: string, content: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(path, content);
}

/** A getter with photos of its own, which no publisher is remembered for. */
async function withPhotos(world: World): Promise<string> {
  const dir = await world.folder("getter");
  await write(`${dir}/photos/mine.jpg`, "mine");
  await write(`${dir}/photos/2026/beach.jpg`, "my beach");
  return dir;
}

const MINE = ["photos", "photos/2026", "photos/2026/beach.jpg", "photos/mine.jpg"];

Deno.test("permit: a stranger's folder deletes nothing of the user's own, and gets no trust by being less", async () => {
  await using world = await World.create();
  const mallory = await publisher(world, "mallory");
  await Deno.mkdir(`${mallory.dir}/photos`);
  await world.json(mallory.dir, ["share", "photos"]);
  const dir = await withPhotos(world);
  const emptied = ["get", "photos", "--update", "--delete"];
  for (let tries = 0; tries < 2; tries++) {
    assertRefused(await world.run(dir, emptied), {
      code: 6,
      text: 'no publisher is remembered for "photos"',
    });
    // Nothing is missing, so there is nothing to do: but that says nothing of whose the folder is.
    for (const words of [["get", "photos"], ["get", "photos", "--update"]]) {
      assert((await world.json<Receipt>(dir, words)).up_to_date);
    }
    assertEquals(await world.json<TrustEntry[]>(dir, ["trust", "list"]), []);
    assertEquals(placedIn(dir), MINE);
  }
  await world.json(dir, ["trust", "accept", "photos"]);
  const receipt = await world.json<Receipt>(dir, emptied);
  assertEquals(receipt.files, { fetched: 0, copied: 0, unchanged: 0, deleted: 2 });
  assertEquals(placedIn(dir), ["photos"]);
});

Deno.test("permit: a stranger's folder, or a part of it, replaces nothing of the user's own", async () => {
  await using world = await World.create();
  const mallory = await publisher(world, "mallory");
  await write(`${mallory.dir}/photos/2026/beach.jpg`, "not yours");
  await world.json(mallory.dir, ["share", "photos"]);
  const dir = await withPhotos(world);
  for (const name of ["photos", "photos/2026", "photos/2026/beach.jpg"]) {
    for (const flags of [[], ["--update"], ["--update", "--delete"]]) {
      const refused = await world.run(dir, ["get", name, ...flags]);
      assertRefused(refused, { code: 6, text: "it exists and differs" });
      if (flags.length > 0) assert(refused.stderr.includes("no publisher is remembered"));
    }
  }
  const { dir: running } = await world.peer("running");
  await write(`${running}/photos/2026/beach.jpg`, "my beach");
  assertRefused(await world.run(running, ["get", "photos", "--update", "--delete"]), { code: 6 });
  assertEquals([placedIn(dir), await text(`${dir}/photos/2026/beach.jpg`)], [MINE, "my beach"]);
  assertEquals(await text(`${running}/photos/2026/beach.jpg`), "my beach");

  // The user may say so, and still keeps what the folder doesn't have.
  await world.json(dir, ["get", "photos", "--overwrite"]);
  assertEquals([placedIn(dir), await text(`${dir}/photos/2026/beach.jpg`)], [MINE, "not yours"]);
});

Deno.test({
  ...skippedIf(
    noPosix ?? (isRoot ? lacking("setpriv") : "it takes root"),
    "times and modes that can't be set on another user's file are no failure: its content decides",
  ),
  async fn() {
    await using world = await World.create();
    const alice = await publisher(world, "alice");
    await write(`${alice.dir}/photos/one`, "one");
    await write(`${alice.dir}/photos/two`, "two");
    await world.json(alice.dir, ["share", "photos"]);
    const dir = await world.folder("getter");
    await world.json(dir, ["get", "photos"]);
    // Somebody else's file, whose time and mode only its owner may change.
    await Deno.utime(`${dir}/photos/one`, 0, 0);
    await Deno.chmod(`${dir}/photos/one`, 0o755);
    await Deno.chown(`${dir}/photos/one`, 65_534, 65_534);
    const prefix = ["setpriv", "--bounding-set=-fowner"];
    const words = ["get", "photos", "--update", "--delete", "--json"];
    for (let night = 0; night < 2; night++) {
      const get = world.start(dir, words, { prefix });
      assertEquals(await get.ended(), 0, get.stderr);
      const receipt = JSON.parse(lastLine(get.stdout)) as Receipt;
      assertEquals([receipt.up_to_date, receipt.files?.unchanged], [true, 2]);
    }
    await Deno.writeTextFile(`${alice.dir}/photos/one`, "changed");
    await world.json(alice.dir, ["share", "photos"]);
    const get = world.start(dir, words, { prefix });
    assertEquals(await get.ended(), 0, get.stderr);
    assertEquals(await text(`${dir}/photos/one`), "changed");
  },
});

Deno.test("permit: what this peer publishes itself is not updated by another's", async () => {
  await using world = await World.create();
  const [alice, bob] = await Promise.all([publisher(world, "alice"), publisher(world, "bob")]);
  for (const { dir, key } of [alice, bob]) {
    await write(`${dir}/photos/whose`, key);
    await world.json(dir, ["share", "photos"]);
  }
  await write(`${alice.dir}/photos/later`, "later");
  const words = ["get", "photos", "--update", "--delete"];
  const named = [...words, "--publisher", bob.key];
  for (const each of [words, named]) {
    assertRefused(await world.run(alice.dir, each), { code: 6 });
  }
  assertEquals(await text(`${alice.dir}/photos/whose`), alice.key);
});
