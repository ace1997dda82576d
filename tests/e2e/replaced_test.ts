/**
 * Files that their publisher replaces while they are fetched: only `--update` continues with the
 * newer version.
 */
import { assert, assertEquals } from "@std/assert";
import type { PeerStatus, Receipt, ShareResult } from "../../src/peer/api/peer_api.ts";
import { contentsOf, partialsOf, placedIn } from "./checks.ts";
import { Proxy } from "./proxy.ts";
import { lastLine, sameFiles, World, writeRandom } from "./world.ts";

const SIZE = 24 << 20;
/** Not given up before the newer version was looked for, however slow the machine. */
const PATIENT = { env: { SHOAL_WAIT: "1m" } };

Deno.test("--update: a file that is replaced while it is fetched arrives in its newer version", async () => {
  await using world = await World.create();
  for (const running of [false, true]) {
    await using proxy = new Proxy({ pauseAfter: SIZE / 4 });
    const source = await world.peer(`source ${running}`, { proxy });
    const name = `file ${running}`;
    await writeRandom(`${source.dir}/${name}`, SIZE);
    await world.json(source.dir, ["share", name]);
    const getter = `getter ${running}`;
    const dir = running ? (await world.peer(getter)).dir : await world.folder(getter);
    const get = world.start(dir, ["get", name, "--update", "--json"], PATIENT);
    await get.meanwhile(proxy.paused);
    await replace(world, `${source.dir}/${name}`, SIZE + 1);
    const [{ id }] = await world.json<ShareResult[]>(source.dir, ["share", name]);
    proxy.resume();
    assertEquals(await get.ended(), 0, get.stderr);
    const receipt = JSON.parse(lastLine(get.stdout)) as Receipt;
    assertEquals([receipt.id, receipt.size], [id, SIZE + 1]);
    assert(await sameFiles(`${source.dir}/${name}`, `${dir}/${name}`));
    assertEquals(placedIn(dir), [name]);
    assert(receipt.older_removed! >= SIZE / 8, "what had come of the older version is gone");
    assertEquals((await world.json<PeerStatus>(dir, ["status"])).partials, []);
    assertEquals(partialsOf(dir), []);
  }
});

Deno.test("--update: what was left of older versions goes, unless it is paused", async () => {
  await using world = await World.create();
  for (const paused of [false, true]) {
    await using proxy = new Proxy({ pauseAfter: SIZE / 4 });
    const source = await world.peer(`source ${paused}`, { proxy });
    const name = `file ${paused}`;
    await writeRandom(`${source.dir}/${name}`, SIZE);
    await world.json(source.dir, ["share", name]);
    const dir = await world.folder(`getter ${paused}`);
    const get = world.start(dir, ["get", name]);
    await get.meanwhile(proxy.paused);
    await get.stop();
    if (paused) await world.json(dir, ["pause", name]);
    await replace(world, `${source.dir}/${name}`, SIZE);
    await world.json(source.dir, ["share", name]);
    proxy.resume();
    const { code, stderr } = await world.run(dir, ["get", name, "--update"]);
    assertEquals(code, 0, stderr);
    assertEquals(
      /^Removed .* MiB of older versions that were never finished\.$/m.test(stderr),
      !paused,
    );
    assertEquals(partialsOf(dir).length, paused ? 1 : 0);
    assert(await sameFiles(`${source.dir}/${name}`, `${dir}/${name}`));
  }
});

Deno.test("without --update, or with an id, that version is waited for, whatever replaces it", async () => {
  await using world = await World.create();
  for (const pinned of [false, true]) {
    await using proxy = new Proxy({ pauseAfter: SIZE / 4 });
    const source = await world.peer(`source ${pinned}`, { proxy });
    const name = `file ${pinned}`;
    await writeRandom(`${source.dir}/${name}`, SIZE);
    const [{ id }] = await world.json<ShareResult[]>(source.dir, ["share", name]);
    const dir = await world.folder(`getter ${pinned}`);
    const get = world.start(dir, ["get", name, ...pinned ? ["--id", id] : []]);
    await get.meanwhile(proxy.paused);
    await replace(world, `${source.dir}/${name}`, SIZE);
    await world.json(source.dir, ["share", name]);
    proxy.resume();
    assertEquals(await get.ended(), 4, get.stderr);
    assertEquals([placedIn(dir), partialsOf(dir).length], [[], 1]);
  }
});

Deno.test("--update: a folder that changes while it is fetched arrives as it is then", async () => {
  await using world = await World.create();
  await using proxy = new Proxy({ pauseAfter: SIZE / 4 });
  const source = await world.peer("source", { proxy });
  await Deno.mkdir(`${source.dir}/tree/sub`, { recursive: true });
  await writeRandom(`${source.dir}/tree/large`, SIZE);
  await writeRandom(`${source.dir}/tree/sub/small`, 1_000);
  await world.json(source.dir, ["share", "tree"]);
  const dir = await world.folder("getter");
  const get = world.start(dir, ["get", "tree", "--update", "--json"], PATIENT);
  await get.meanwhile(proxy.paused);
  await replace(world, `${source.dir}/tree/large`, SIZE);
  await Deno.remove(`${source.dir}/tree/sub/small`);
  const [{ id }] = await world.json<ShareResult[]>(source.dir, ["share", "tree"]);
  proxy.resume();
  assertEquals(await get.ended(), 0, get.stderr);
  assertEquals((JSON.parse(lastLine(get.stdout)) as Receipt).id, id);
  assert(await sameFiles(`${source.dir}/tree/large`, `${dir}/tree/large`));
  assertEquals(contentsOf(dir).filter((path) => path.includes("small")), []);
});

/** Puts another file in the place of one. */
async function replace(world: World, path: string, size: number): Promise<void> {
  const other = `${world.root}/${crypto.randomUUID()}`;
  await writeRandom(other, size);
  await Deno.rename(other, path);
}
