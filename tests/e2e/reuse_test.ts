/** Only what changed is fetched: from older versions, named files and what is known of in DIR. */
import { assert, assertEquals, assertLess } from "@std/assert";
import type { Receipt } from "../../src/peer/api/peer_api.ts";
import { patterned } from "../support/bytes.ts";
import { assertRefused, contentsOf, eventually } from "./checks.ts";
import { sameFiles, World, writeRandom } from "./world.ts";

const CHUNK = 65_536;
const CHUNKS = 300;
/** A little over one block of digests. */
const MANY = 2_100;

/** A world whose peer shares a file, and a folder to fetch it into. */
async function worldWithFile(chunks = CHUNKS) {
  const world = await World.create();
  const source = await world.peer("source");
  const path = `${source.dir}/data`;
  await writeRandom(path, chunks * CHUNK - 5);
  await world.json(source.dir, ["share", "data"]);
  return { world, source, path, dir: await world.folder("getter") };
}

/** Changes bytes of a file. */
async function patch(path: string, positions: number[]): Promise<void> {
  using file = await Deno.open(path, { read: true, write: true });
  for (const position of positions) {
    await file.seek(position, Deno.SeekMode.Start);
    const byte = new Uint8Array(1);
    await file.read(byte);
    await file.seek(position, Deno.SeekMode.Start);
    await file.write(new Uint8Array([byte[0] ^ 1]));
  }
}

Deno.test("an update moves only the chunks that changed", async () => {
  const { world, source, path, dir } = await worldWithFile(MANY);
  await using _world = world;
  const running = await world.peer("running");
  for (const place of [dir, running.dir]) await world.json(place, ["get", "data"]);
  await patch(path, [1, 700 * CHUNK, 2_099 * CHUNK]);
  await world.json(source.dir, ["share", "data"]);
  for (const place of [dir, running.dir]) {
    const { chunks, bytes } = await world.json<Receipt>(place, ["get", "data", "--update"]);
    assertEquals(chunks, { fetched: 3, reused: MANY - 3, refetched: 0 });
    assertEquals(bytes, 3 * CHUNK - 5);
    assert(await sameFiles(path, `${place}/data`));
    assertEquals(contentsOf(place), ["data"]);
  }
});

Deno.test("an update from a file that is not known, and changed besides, moves as little", async () => {
  const { world, source, path, dir } = await worldWithFile(MANY);
  await using _world = world;
  await world.json(dir, ["get", "data"]);
  // Other bytes at one place, and five chunks more, two of which are to be found elsewhere.
  const old = `${dir}/data`;
  await patch(old, [900 * CHUNK + 1]);
  const content = await Deno.readFile(path);
  await patch(path, [1, 700 * CHUNK]);
  const more = await Deno.open(path, { append: true, write: true });
  await more.write(new Uint8Array(5));
  await more.write(content.subarray(10 * CHUNK, 12 * CHUNK));
  await more.write(patterned(3 * CHUNK));
  more.close();
  await world.json(source.dir, ["share", "data"]);
  const { chunks } = await world.json<Receipt>(dir, ["get", "data", "--overwrite"]);
  // The last chunk of before was shorter.
  assertEquals(chunks, { fetched: 2 + 1 + 1 + 3, reused: MANY + 5 - 7, refetched: 0 });
  assert(await sameFiles(path, old));
  assertEquals(contentsOf(dir), ["data"]);
});

Deno.test("chunks are found elsewhere in a file, in a shorter one, and in a longer one", async () => {
  const { world, path, dir } = await worldWithFile();
  await using _world = world;
  const content = await Deno.readFile(path);
  const old = `${world.root}/old`;
  const get = async (name: string) =>
    (await world.json<Receipt>(dir, ["get", "data", "-o", `${world.root}/${name}`, "--reuse", old]))
      .chunks;
  // Moved by three chunks, and cut off at the end.
  const moved = new Uint8Array(3 * CHUNK + 200 * CHUNK);
  moved.set(content.subarray(0, 200 * CHUNK), 3 * CHUNK);
  await Deno.writeFile(old, moved);
  assertEquals(await get("one"), { fetched: CHUNKS - 200, reused: 200, refetched: 0 });
  assert(await sameFiles(path, `${world.root}/one`));
  // From what is known of it in DIR's state, without being named.
  const again = ["get", "data", "-o", `${world.root}/two`];
  const { chunks } = await world.json<Receipt>(dir, again);
  assertEquals(chunks, { fetched: 0, reused: CHUNKS, refetched: 0 });
  assert(await sameFiles(path, `${world.root}/two`));
});

Deno.test("--reuse: garbage costs nothing but the reading, a missing file is refused", async () => {
  const { world, path, dir } = await worldWithFile();
  await using _world = world;
  const garbage = `${world.root}/garbage`;
  await writeRandom(garbage, 5_000_001);
  const empty = `${world.root}/empty`;
  await Deno.writeTextFile(empty, "");
  const words = ["get", "data", "--reuse", garbage, "--reuse", empty];
  for (const wrong of [`${world.root}/missing`, world.root]) {
    assertRefused(await world.run(dir, [...words, "--reuse", wrong]), { code: 2 });
    assertEquals(contentsOf(dir), []);
  }
  const { chunks } = await world.json<Receipt>(dir, words);
  assertEquals(chunks, { fetched: CHUNKS, reused: 0, refetched: 0 });
  assert(await sameFiles(path, `${dir}/data`));
});

Deno.test("a file that changed unseen is not trusted: what is wrong is fetched", async () => {
  const { world, source, path, dir } = await worldWithFile();
  await using _world = world;
  await world.json(dir, ["get", "data"]);
  const { mtime, atime } = await Deno.stat(`${dir}/data`);
  await patch(`${dir}/data`, [40 * CHUNK, 41 * CHUNK]);
  await Deno.utime(`${dir}/data`, atime!, mtime!);
  await patch(path, [90 * CHUNK]);
  await world.json(source.dir, ["share", "data"]);
  const { chunks } = await world.json<Receipt>(dir, ["get", "data", "--update"]);
  assertEquals(chunks.reused + chunks.fetched, CHUNKS);
  assertLess(chunks.fetched, 4);
  assert(await sameFiles(path, `${dir}/data`));
});

Deno.test("an update that is killed leaves the old file whole, and the next one goes on", async () => {
  const { world, source, path, dir } = await worldWithFile();
  await using _world = world;
  await world.json(dir, ["get", "data"]);
  const old = `${world.root}/old`;
  await Deno.copyFile(`${dir}/data`, old);
  // Half of it is new: time enough at that rate.
  await patch(path, Array.from({ length: CHUNKS / 2 }, (_, chunk) => 2 * chunk * CHUNK));
  await world.json(source.dir, ["share", "data"]);
  const update = ["get", "data", "--update"];
  const killed = world.start(dir, [...update, "--limit-down", "2M"]);
  await eventually("it is under way", () => contentsOf(dir).length > 1);
  await killed.stop("SIGKILL");
  assert(await sameFiles(old, `${dir}/data`), "the old one is whole");
  const { chunks } = await world.json<Receipt>(dir, update);
  assertEquals(chunks.reused + chunks.fetched, CHUNKS);
  assert(await sameFiles(path, `${dir}/data`));
  assertEquals(contentsOf(dir), ["data"]);
});
