/** A byte changed with the time put back: nothing takes the file for what it was. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { Receipt, ShareResult } from "../../src/peer/api/peer_api.ts";
import { assertRefused } from "./checks.ts";
import { sameFiles, World, writeRandom } from "./world.ts";

/** Changes a byte of a file, and puts its time back. */
async function changeHidden(path: string): Promise<void> {
  const { mtime } = await Deno.stat(path);
  const bytes = await Deno.readFile(path);
  bytes[1_000] ^= 1;
  await Deno.writeFile(path, bytes);
  await Deno.utime(path, mtime!, mtime!);
  assertEquals((await Deno.stat(path)).mtime, mtime);
}

Deno.test("a byte changed with the time put back is noticed where it is shared", async () => {
  await using world = await World.create();
  const peer = await world.peer("peer");
  const path = `${peer.dir}/data`;
  await writeRandom(path, 100_000);
  const [first] = await world.json<ShareResult[]>(peer.dir, ["share", "data"]);
  await changeHidden(path);
  const [second] = await world.json<ShareResult[]>(peer.dir, ["share", "data"]);
  assertNotEquals(second.id, first.id);
  const dir = await world.folder("getter");
  assertEquals((await world.json<Receipt>(dir, ["get", "data"])).id, second.id);
  assert(await sameFiles(path, `${dir}/data`));
});

Deno.test("a byte changed with the time put back is noticed where it was fetched", async () => {
  await using world = await World.create();
  const peer = await world.peer("peer");
  await writeRandom(`${peer.dir}/data`, 100_000);
  await Deno.mkdir(`${peer.dir}/folder`);
  await writeRandom(`${peer.dir}/folder/data`, 100_000);
  await world.json(peer.dir, ["share", "data", "folder"]);
  const dir = await world.folder("getter");
  await world.json(dir, ["get", "data", "folder"]);
  for (const place of ["data", "folder/data"]) {
    const [name] = place.split("/");
    await changeHidden(`${dir}/${place}`);
    if (name === "data") assertRefused(await world.run(dir, ["get", name]), { code: 6 });
    const { up_to_date } = await world.json<Receipt>(dir, ["get", name, "--overwrite"]);
    assertEquals(up_to_date, false, place);
    assert(await sameFiles(`${peer.dir}/${place}`, `${dir}/${place}`), place);
  }
});

Deno.test("a change of mode costs a hashing at most, and the file stays shared", async () => {
  await using world = await World.create();
  const peer = await world.peer("peer");
  await writeRandom(`${peer.dir}/data`, 100_000);
  const [first] = await world.json<ShareResult[]>(peer.dir, ["share", "data"]);
  await Deno.chmod(`${peer.dir}/data`, 0o600);
  const [second] = await world.json<ShareResult[]>(peer.dir, ["share", "data"]);
  assertEquals([second.id, second.available], [first.id, true]);
  const dir = await world.folder("getter");
  await world.json(dir, ["get", "data"]);
  assert(await sameFiles(`${peer.dir}/data`, `${dir}/data`));
});
