/** Files between peers that are real processes: every size and name, byte for byte. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { PIECE_SIZE } from "../../src/content/piece_map.ts";
import type { ListedFile, PeerStatus, Receipt, ShareResult } from "../../src/peer/api/peer_api.ts";
import { assertSameBytes } from "../support/bytes.ts";
import { referenceIdOf } from "../support/reference_tree.ts";
import { assertRefused, contentsOf } from "./checks.ts";
import { Proxy } from "./proxy.ts";
import { lastLine, sameFiles, World, writeRandom } from "./world.ts";

const MIB = 1 << 20;
/** More chunks than one block of digests has: 2,240. */
const TWO_PAGES = 140 * MIB;

/** Names and sizes at every boundary of chunks and pages, and names of every kind. */
const FILES: Record<string, number> = {
  "empty": 0,
  "one": 1,
  "short-chunk": 65_535,
  "chunk": 65_536,
  "chunk-and-one": 65_537,
  "piece-and-one": PIECE_SIZE + 1,
  "request-and-one": MIB + 1,
  "two-pages.bin": TWO_PAGES,
  "folder/in folder/leaf.txt": 10,
  "with  spaces 'and' \"quotes\".txt": 70_000,
  "ünï-码-🐟.bin": 131_072,
  "-dash.txt": 3,
};

Deno.test("every size and name is shared, listed and fetched, byte for byte", async () => {
  await using world = await World.create();
  const source = await world.peer("source");
  await Deno.mkdir(`${source.dir}/folder/in folder`, { recursive: true });
  for (const [name, size] of Object.entries(FILES)) {
    await writeRandom(`${source.dir}/${name}`, size);
    await Deno.utime(`${source.dir}/${name}`, 1_600_000_000.5, 1_600_000_000.125);
  }

  const names = Object.keys(FILES);
  const shared = await world.json<ShareResult[]>(source.dir, ["share"], { words: names });
  assertEquals(shared.map(({ name }) => name), names);
  assert(shared.every(({ hashed, available }) => hashed && available));
  for (const { name, id, size, path } of shared) {
    assertEquals([size, path], [FILES[name], `${source.dir}/${name}`]);
    if (size < TWO_PAGES) assertEquals(id, referenceIdOf(await Deno.readFile(path)), name);
  }

  const looker = await world.folder("looker");
  const listed = await world.json<ListedFile[]>(looker, ["list-files"]);
  assertEquals(
    listed.map(({ name, size, id, sources }) => ({ name, size, id, sources })),
    shared.map(({ name, size, id }) => ({ name, size, id, sources: 1 }))
      .sort((a, b) => a.name < b.name ? -1 : 1),
  );

  const dir = await world.folder("getter");
  for (const { name, id, size } of shared) {
    const receipt = await world.json<Receipt>(dir, ["get"], { words: [name] });
    assertEquals([receipt.id, receipt.bytes, receipt.up_to_date], [id, size, false]);
    assertEquals(receipt.chunks, { reused: 0, fetched: Math.ceil(size / 65_536), refetched: 0 });
    assertEquals(receipt.path, `${dir}/${name}`);
    assert(await sameFiles(`${source.dir}/${name}`, `${dir}/${name}`), name);
    assertEquals((await Deno.stat(`${dir}/${name}`)).mtime?.getTime(), 1_600_000_000_125, name);
  }
  assertEquals(contentsOf(dir), contentsOf(source.dir));
});

Deno.test("two sources are used side by side, and both are in the receipt", async () => {
  await using world = await World.create();
  // Each stops at first, until the other has begun: one alone could be done before that.
  await using one = new Proxy({ pauseAfter: MIB });
  await using two = new Proxy({ pauseAfter: MIB });
  const proxies = [one, two];
  const sources = await Promise.all(
    proxies.map((proxy, index) => world.peer(`${index}`, { proxy })),
  );
  Promise.all(proxies.map(({ paused }) => paused)).then(() => proxies.map((one) => one.resume()));
  await writeRandom(`${sources[0].dir}/big`, TWO_PAGES);
  await Deno.copyFile(`${sources[0].dir}/big`, `${sources[1].dir}/big`);
  await Promise.all(sources.map(({ dir }) => world.json(dir, ["share", "big"])));
  const dir = await world.folder("getter");
  const receipt = await world.json<Receipt>(dir, ["get", "big"]);
  assertEquals(
    receipt.sources.map(({ address }) => address).sort(),
    proxies.map(({ address }) => address).sort(),
  );
  assert(receipt.sources.every(({ bytes, dropped }) => bytes > 0 && !dropped));
  assertEquals(receipt.sources[0].bytes + receipt.sources[1].bytes, TWO_PAGES);
  assert(await sameFiles(`${sources[0].dir}/big`, `${dir}/big`));
});

Deno.test("a file that is there already is fetched again only when it differs and may go", async () => {
  await using world = await World.create();
  const source = await world.peer("source");
  await writeRandom(`${source.dir}/data`, 3 * MIB);
  await world.json(source.dir, ["share", "data"]);
  const dir = await world.folder("getter");
  await world.json(dir, ["get", "data"]);
  const before = await world.json<PeerStatus>(source.dir, ["status"]);
  assertEquals(before.totals.served, 3 * MIB);

  const again = await world.json<Receipt>(dir, ["get", "data"]);
  assertEquals([again.up_to_date, again.bytes, again.chunks.reused], [true, 0, 48]);
  assertEquals(again.sources, []);
  const told = await world.run(dir, ["get", "data"]);
  assertEquals([told.code, told.stderr], [0, ""]);
  assertMatch(told.stdout, /^data .*already up to date.*\n$/);
  const overwritten = await world.json<Receipt>(dir, ["get", "data", "--overwrite"]);
  assertEquals(overwritten.up_to_date, true, "the same content is not worth a transfer");

  // A copy made by other means is as good.
  await Deno.copyFile(`${source.dir}/data`, `${dir}/copy`);
  const copied = await world.json<Receipt>(dir, ["get", "data", "-o", `${dir}/copy`]);
  assertEquals(copied.up_to_date, true);
  const after = await world.json<PeerStatus>(source.dir, ["status"]);
  assertEquals(after.totals.served, 3 * MIB, "nothing more was served");

  await Deno.writeTextFile(`${dir}/data`, "mine");
  const refused = await world.run(dir, ["get", "data"]);
  assertRefused(refused, { code: 6, text: "it exists and differs" });
  assertEquals(await Deno.readTextFile(`${dir}/data`), "mine");
  await world.json(dir, ["get", "data", "--overwrite"]);
  assert(await sameFiles(`${source.dir}/data`, `${dir}/data`));
  assertEquals(contentsOf(dir), ["copy", "data"]);
});

Deno.test("-o names a file, or a folder that exists", async () => {
  await using world = await World.create();
  const source = await world.peer("source");
  await Deno.mkdir(`${source.dir}/sub`);
  await writeRandom(`${source.dir}/sub/data`, 70_000);
  await world.json(source.dir, ["share", "sub/data"]);
  const dir = await world.folder("getter");
  const elsewhere = await world.folder("elsewhere");
  const at = async (output: string) =>
    (await world.json<Receipt>(dir, ["get", "sub/data", "-o", output], { cwd: elsewhere })).path;
  await Deno.mkdir(`${elsewhere}/folder`);
  assertEquals(await at("named"), `${elsewhere}/named`);
  assertEquals(await at("./folder"), `${elsewhere}/folder/data`);
  assertEquals(await at(`${elsewhere}/`), `${elsewhere}/data`);
  assertEquals(contentsOf(elsewhere), ["data", "folder", "folder/data", "named"]);
  for (const name of ["data", "folder/data", "named"]) {
    assert(await sameFiles(`${source.dir}/sub/data`, `${elsewhere}/${name}`), name);
  }
  assertEquals(contentsOf(dir), []);
});

Deno.test("one name with several contents is ambiguous until --id says which", async () => {
  await using world = await World.create();
  const [one, two] = await Promise.all([world.peer("one"), world.peer("two")]);
  await writeRandom(`${one.dir}/report`, 1_000);
  await writeRandom(`${two.dir}/report`, 2_000);
  const [[first], [second]] = await Promise.all([
    world.json<ShareResult[]>(one.dir, ["share", "report"]),
    world.json<ShareResult[]>(two.dir, ["share", "report"]),
  ]);
  const dir = await world.folder("getter");
  const refused = await world.run(dir, ["get", "report"]);
  assertEquals([refused.code, refused.stdout], [8, ""]);
  assertMatch(
    refused.stderr,
    /^shoal: Cannot get "report": .* 2 different files\n/,
  );
  assert(refused.stderr.includes(first.id.slice(0, 12)));
  assert(refused.stderr.includes(second.id.slice(0, 12)));
  const asJson = await world.run(dir, ["get", "report", "--json"]);
  const { error } = JSON.parse(lastLine(asJson.stdout));
  assertEquals([asJson.code, error.code, error.exit, error.candidates.length], [
    8,
    "ambiguous",
    8,
    2,
  ]);
  assertEquals(contentsOf(dir), []);

  const short = await world.json<Receipt>(dir, ["get", "report", "--id", first.id.slice(0, 8)]);
  assertEquals(short.id, first.id);
  const whole = await world.json<Receipt>(
    dir,
    ["get", "any name", "--id", second.id.toUpperCase()],
  );
  assertEquals(whole.path, `${dir}/any name`);
  assertSameBytes(await Deno.readFile(`${dir}/report`), await Deno.readFile(`${one.dir}/report`));
  assertSameBytes(await Deno.readFile(`${dir}/any name`), await Deno.readFile(`${two.dir}/report`));
  assertRefused(await world.run(dir, ["get", "report", "--id", "0".repeat(64)]), { code: 3 });
  assertRefused(await world.run(dir, ["get", "report", "--id", "xyz"]), { code: 2, hint: true });
});
