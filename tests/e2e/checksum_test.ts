/** `get --checksum`: the whole file is compared as well, and nothing that differs gets its name. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { PeerStatus, Receipt } from "../../src/peer/api/peer_api.ts";
import { sha256 } from "../support/bytes.ts";
import { assertRefused, contentsOf, eventually } from "./checks.ts";
import { sameFiles, World, writeRandom } from "./world.ts";
import { lacking, testUnless } from "../support/tools.ts";

const MIB = 1 << 20;
const WRONG = `sha256=${"00".repeat(32)}`;

/** A world with one source of `data`, 3 MiB and a bit, and the right checksum of it. */
async function worldWithData() {
  const world = await World.create();
  const source = await world.peer("source");
  const path = `${source.dir}/data`;
  await writeRandom(path, 3 * MIB + 5);
  await world.json(source.dir, ["share", "data"]);
  const digest = sha256(await Deno.readFile(path)).toHex();
  return { world, source, path, digest, dir: await world.folder("getter") };
}

Deno.test("checksum: right, the file is put in place, and the receipt says so", async () => {
  const { world, path, digest, dir } = await worldWithData();
  await using _world = world;
  const words = ["get", "data", "--checksum", `sha256=${digest.toUpperCase()}`];
  const receipt = await world.json<Receipt>(dir, words);
  assertEquals([receipt.sha256, receipt.up_to_date], [digest, false]);
  assert(await sameFiles(path, `${dir}/data`));
  const again = await world.json<Receipt>(dir, words);
  assertEquals([again.sha256, again.up_to_date], [digest, true]);
  assertEquals((await world.json<Receipt>(dir, ["get", "data"])).sha256, undefined);
});

Deno.test("checksum: wrong, nothing is put in place and nothing kept, for a verb and a running peer", async () => {
  const { world, digest, dir } = await worldWithData();
  await using _world = world;
  const running = await world.peer("running");
  for (const place of [dir, running.dir]) {
    const refused = await world.run(place, ["get", "data", "--checksum", WRONG]);
    const text = `Cannot get "data": its SHA-256 is ${digest}, not ${"00".repeat(32)}`;
    assertRefused(refused, { code: 5, text });
    assertEquals(contentsOf(place), []);
    await Deno.writeTextFile(`${place}/data`, "what was there");
    const over = ["get", "data", "--overwrite", "--checksum", WRONG];
    assertRefused(await world.run(place, over), { code: 5 });
    assertEquals(await Deno.readTextFile(`${place}/data`), "what was there");
    assertEquals(contentsOf(place), ["data"]);
  }
});

Deno.test("checksum: a file that is up to date is compared too, and left alone", async () => {
  const { world, path, dir } = await worldWithData();
  await using _world = world;
  await world.json(dir, ["get", "data"]);
  assertRefused(await world.run(dir, ["get", "data", "--checksum", WRONG]), {
    code: 5,
    text: "its SHA-256 is",
  });
  assert(await sameFiles(path, `${dir}/data`));
});

testUnless(lacking("sh"), "checksum: to standard output it is told after the fact", async () => {
  const { world, path, digest, dir } = await worldWithData();
  await using _world = world;
  const running = await world.peer("running");
  const output = `${world.root}/out`;
  const pipe = ["sh", "-c", `"$@" > ${output}`, "sh"];
  for (const place of [dir, running.dir]) {
    const words = ["get", "data", "-o", "-", "--checksum"];
    const right = await world.run(place, [...words, `sha256=${digest}`], { prefix: pipe });
    assertEquals(right.code, 0, right.stderr);
    assert(await sameFiles(path, output));
    const wrong = await world.run(place, [...words, WRONG], { prefix: pipe });
    assertEquals(wrong.code, 5, wrong.stderr);
    assertMatch(
      wrong.stderr,
      /^shoal: .* SHA-256 is .*; what was written already is not to be used\nnext: .*\n$/,
    );
    assertEquals(contentsOf(place), []);
  }
});

Deno.test("checksum: a download that a restarted peer goes on with is compared as it was asked", async () => {
  const { world, source, dir } = await worldWithData();
  await using _world = world;
  const first = await world.peer("running");
  // The source can't serve it; the running peer keeps the download, to go on with it.
  await Deno.rename(`${source.dir}/data`, `${source.dir}/away`);
  const lost = await world.run(first.dir, ["get", "data", "--checksum", WRONG]);
  assertEquals(lost.code, 4, lost.stderr);
  await first.program.stop();
  await Deno.rename(`${source.dir}/away`, `${source.dir}/data`);
  await world.json(source.dir, ["share", "data"]);
  const second = await world.peer("running");
  await second.program.sees(/a download is given up: .*its SHA-256 is/);
  const status = await eventually("it is over", async () => {
    const status = await world.json<PeerStatus>(second.dir, ["status"]);
    return status.partials.length === 0 && status;
  });
  assertEquals(status.transfers.map(({ state }) => state), ["failed"]);
  assertEquals(contentsOf(second.dir), []);
  assertEquals(contentsOf(dir), []);
});

Deno.test("checksum: what is no checksum is refused before anything is asked", async () => {
  await using world = await World.create();
  const dir = await world.folder("getter");
  for (const wrong of ["", "sha256=", "sha256=xyz", "00".repeat(32), `md5=${"00".repeat(32)}`]) {
    const refused = await world.run(dir, ["get", "data", "--checksum", wrong]);
    assertRefused(refused, { code: 2, text: "it must be sha256= and 64 hex digits", hint: true });
  }
});
