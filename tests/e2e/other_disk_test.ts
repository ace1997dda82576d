/** Destinations on another disk than DIR, and files with holes. */
import { assert, assertEquals } from "@std/assert";
import type { PeerStatus, Receipt } from "../../src/peer/api/peer_api.ts";
import { assertRefused, contentsOf, partialsOf, placedIn } from "./checks.ts";
import { MountedDisk as Disk, noMount } from "./mounted_disk.ts";
import { Proxy } from "./proxy.ts";
import { sameFiles, World, writeRandom } from "./world.ts";
import { noLinux, testUnless } from "../support/tools.ts";

const MIB = 1 << 20;

testUnless(noMount, "other disk: room is looked for where the file goes, both ways", async () => {
  await using world = await World.create();
  const source = await world.peer("source");
  await writeRandom(`${source.dir}/data`, 12 * MIB);
  await Deno.utime(`${source.dir}/data`, 1_600_000_000, 1_600_000_000);
  await world.json(source.dir, ["share", "data"]);
  await using small = await Disk.mount(world, 8 * MIB);
  await using large = await Disk.mount(world, 32 * MIB);
  const served = async () => (await world.json<PeerStatus>(source.dir, ["status"])).totals.served;

  // From a large DIR to a small disk: nothing is fetched.
  const dir = await world.folder("getter");
  const refused = await world.run(dir, ["get", "data", "-o", small.path]);
  assertRefused(refused, { code: 7, text: `are free in "${small.path}"` });
  assertEquals([contentsOf(small.path), contentsOf(dir), await served()], [[], [], 0]);

  // From a small DIR to a large disk: there is room.
  await world.json(small.path, ["get", "data", "-o", `${large.path}/`]);
  assert(await sameFiles(`${source.dir}/data`, `${large.path}/data`));
  const { mtime, mode } = await Deno.stat(`${large.path}/data`);
  assertEquals(mtime?.getTime(), 1_600_000_000_000);
  assertEquals((mode! & 0o777).toString(8), (0o666 & ~Deno.umask()).toString(8));
  assertEquals([contentsOf(large.path), contentsOf(small.path)], [["data"], []]);
  await Deno.remove(`${large.path}/data`);
  // The same below DIR, where a disk is mounted.
  await using below = await Disk.mount(world, 32 * MIB, "disk 8388608/below");
  await writeRandom(`${source.dir}/file`, 12 * MIB);
  await world.json(source.dir, ["share", "file"]);
  await world.json(small.path, ["get", "file", "-o", below.path]);
  assertEquals(contentsOf(below.path), ["file"]);
});

testUnless(
  noMount,
  "other disk: a partial lies hidden beside its target, and is resumed",
  async () => {
    await using world = await World.create();
    await using proxy = new Proxy({ pauseAfter: 6 * MIB });
    const source = await world.peer("source", { proxy });
    await writeRandom(`${source.dir}/data`, 12 * MIB);
    await world.json(source.dir, ["share", "data"]);
    await using disk = await Disk.mount(world, 32 * MIB);
    const dir = await world.folder("getter");
    const words = ["get", "data", "-o", `${disk.path}/here`];
    const get = world.start(dir, words);
    await get.meanwhile(proxy.paused);
    await get.stop("SIGINT");
    const left = placedIn(disk.path);
    assertEquals([left.length, partialsOf(dir)], [1, []]);
    assert(/^\.[0-9a-f]{16}\.shoal-partial$/.test(left[0]), left[0]);
    const { mode } = await Deno.stat(`${disk.path}/${left[0]}`);
    assertEquals((mode! & 0o777).toString(8), "600", "nobody else sees what is not whole");
    // It is no part of a folder that is shared meanwhile.
    await Deno.writeTextFile(`${disk.path}/other`, "other");
    const [shared] = await world.json<{ entries: number }[]>(dir, ["share", disk.path]);
    assertEquals(shared.entries, 1);
    await Deno.remove(`${disk.path}/other`);
    proxy.resume();
    const { chunks } = await world.json<Receipt>(dir, words);
    assert(chunks.reused > 0, "it was resumed");
    assertEquals(contentsOf(disk.path), ["here"]);
    // What was cancelled leaves nothing, there either.
    await Deno.remove(`${disk.path}/here`);
    await using slow = new Proxy({ pauseAfter: 2 * MIB });
    const other = await world.peer("other", { proxy: slow });
    await writeRandom(`${other.dir}/more`, 12 * MIB);
    await world.json(other.dir, ["share", "more"]);
    const second = world.start(dir, ["get", "more", "-o", disk.path]);
    await second.meanwhile(slow.paused);
    await second.stop("SIGKILL");
    const partials = () => placedIn(disk.path).filter((name) => name.endsWith("-partial"));
    assertEquals(partials().length, 1);
    await world.json(dir, ["cancel", "more"]);
    assertEquals(partials(), []);
  },
);

testUnless(noMount, "other disk: one that says 0 of 0 is taken for one with room", async () => {
  await using world = await World.create();
  const source = await world.peer("source");
  await writeRandom(`${source.dir}/data`, 3 * MIB);
  await Deno.mkdir(`${source.dir}/tree`);
  await writeRandom(`${source.dir}/tree/file`, 3 * MIB);
  await world.json(source.dir, ["share", "data", "tree"]);
  await using disk = await Disk.mountRamfs(world);
  await world.json(disk.path, ["get", "data", "tree"]);
  const dir = await world.folder("getter");
  await world.json(dir, ["get", "data", "-o", `${disk.path}/other`]);
  assertEquals(placedIn(disk.path), ["data", "other", "tree", "tree/file"]);
  const { stdout } = await world.run(disk.path, ["doctor"]);
  assert(stdout.includes("the file system doesn't tell how much is free"), stdout);
});

testUnless(noLinux, "holes: long runs of zeros are not sent, and are holes again", async () => {
  await using world = await World.create();
  const source = await world.peer("source");
  const size = 400 * MIB + 5;
  const places = [0, 130 * MIB + 1, 260 * MIB - 3, 400 * MIB];
  {
    using file = await Deno.open(`${source.dir}/image`, { write: true, createNew: true });
    for (const place of places) {
      await file.seek(place, Deno.SeekMode.Start);
      await file.write(new Uint8Array([1, 2, 3]));
    }
    await file.truncate(size);
  }
  await world.json(source.dir, ["share", "image"]);
  const dir = await world.folder("getter");
  const receipt = await world.json<Receipt>(dir, ["get", "image"]);
  assertEquals(receipt.chunks.reused + receipt.chunks.fetched, Math.ceil(size / 65_536));
  assert(receipt.bytes < size / 4, `${receipt.bytes} bytes came`);
  assert(await sameFiles(`${source.dir}/image`, `${dir}/image`));
  const { blocks } = await Deno.stat(`${dir}/image`);
  assert(blocks! * 512 < 2 * MIB, `it takes ${blocks! * 512} bytes`);
  // Where there was something else, there are zeros afterwards.
  await writeRandom(`${dir}/full`, 3 * MIB);
  await Deno.truncate(`${source.dir}/image`, 0);
  await Deno.truncate(`${source.dir}/image`, 3 * MIB);
  await world.json(source.dir, ["share", "image"]);
  await world.json(dir, ["get", "image", "-o", `${dir}/full`, "--overwrite"]);
  assert(await sameFiles(`${source.dir}/image`, `${dir}/full`));
});
