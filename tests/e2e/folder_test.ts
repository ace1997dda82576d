/** Folders as one thing: what is shared of them, and what stands where they were fetched to. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ListedFile, PeerStatus, Receipt, ShareResult } from "../../src/peer/api/peer_api.ts";
import { assertRefused, placedIn } from "./checks.ts";
import { sameFiles, World } from "./world.ts";
import { assertSameTree, sharing, write } from "./trees.ts";
import { lacking, noPosix, testUnless } from "../support/tools.ts";
import { outputOf } from "../support/output_of.ts";

const MIB = 1 << 20;

/** Entries of a large tree. `$SHOAL_FOLDER_ENTRIES` is for longer runs. */
const ENTRIES = Number(Deno.env.get("SHOAL_FOLDER_ENTRIES") ?? 10_000);
const mtimeOf = async (path: string) => (await Deno.lstat(path)).mtime!.getTime();

Deno.test("a folder arrives as it is, is up to date the second time, and is served on", async () => {
  await using world = await World.create();
  const { tree, shared, program } = await sharing(world);
  assertEquals([shared.kind, shared.entries, shared.left_out], ["folder", 16, []]);
  const [listed] = await world.json<ListedFile[]>(await world.folder("x"), ["list-files"]);
  assertEquals([listed.kind, listed.entries, listed.bytes], ["folder", 16, shared.size]);

  const second = await world.peer("second");
  const receipt = await world.json<Receipt>(second.dir, ["get", "tree"]);
  assertEquals(receipt.kind, "folder");
  assertEquals([receipt.id, receipt.size], [shared.id, shared.size]);
  // Two files have the content of others, and one has none.
  assertEquals(receipt.files, { fetched: 7, copied: 3, unchanged: 0, deleted: 0 });
  await assertSameTree(`${second.dir}/tree`, tree);
  const again = await world.json<Receipt>(second.dir, ["get", "tree"]);
  assert(again.up_to_date);
  assertEquals(again.files, { fetched: 0, copied: 0, unchanged: 10, deleted: 0 });

  await program.stop();
  const third = await world.folder("third");
  const onward = await world.json<Receipt>(third, ["get", "tree"]);
  assertEquals(onward.sources.map(({ address }) => address), [second.address]);
  assertEquals(onward.publisher, shared.publisher, "the first peer signed for it");
  await assertSameTree(`${third}/tree`, tree);
  const status = await world.json<PeerStatus>(second.dir, ["status"]);
  assertEquals(status.shares.map(({ kind, name }) => [kind, name]), [["folder", "tree"]]);
  assert(status.shares[0].served > 4 * MIB);
  assertEquals(status.transfers.filter(({ direction }) => direction === "down").length, 2);
});

testUnless(
  noPosix ?? lacking("mkfifo"),
  "what can't be shared of a folder is left out, and named",
  async () => {
    await using world = await World.create();
    const { dir } = await world.peer("sharer");
    const tree = `${dir}/tree`;
    await Deno.mkdir(`${tree}/d/.shoal`, { recursive: true });
    await write(`${tree}/d/.shoal/identity.pem`, "secret");
    await write(`${tree}/d/ok`, "ok");
    await write(`${tree}/Case`, "1");
    await write(`${tree}/case`, "2");
    await write(`${tree}/two\nlines`, "3");
    await Deno.symlink("/etc/passwd", `${tree}/d/absolute`);
    await Deno.symlink("../../outside", `${tree}/d/out`);
    await Deno.symlink("d/../../outside", `${tree}/sly`);
    await outputOf("mkfifo", { args: [`${tree}/pipe`] });
    using _socket = Deno.listen({ transport: "unix", path: `${tree}/socket` });

    const [shared] = await world.json<ShareResult[]>(dir, ["share", "tree"]);
    const reasons = Object.fromEntries(shared.left_out!.map(({ path, why }) => [path, why]));
    assertMatch(reasons["d/absolute"], /link leads out of the folder, to \/etc\/passwd/);
    assertMatch(reasons["d/out"], /link leads out/);
    assertMatch(reasons["sly"], /link leads out/);
    assertMatch(reasons["pipe"], /named pipe/);
    assertMatch(reasons["socket"], /socket/);
    assertMatch(reasons["d/.shoal"], /Shoal's own/);
    assertMatch(reasons["case"], /Case has the same name/);
    assertMatch(reasons["two\nlines"], /control character/);
    assertEquals(Object.keys(reasons).length, 8);
    const said = await world.run(dir, ["share", "tree"]);
    assertMatch(said.stderr, /^Left out "pipe": it is a named pipe$/m);
    assertEquals(said.code, 0);

    const getter = await world.folder("getter");
    await world.json(getter, ["get", "tree"]);
    assertEquals(placedIn(getter), ["tree", "tree/Case", "tree/d", "tree/d/ok"]);
  },
);

Deno.test("parts of a folder: a file, a folder, a stream, and what isn't there", async () => {
  await using world = await World.create();
  const { tree } = await sharing(world);
  const dir = await world.folder("getter");
  const file = await world.json<Receipt>(dir, ["get", "tree/docs/hello.txt"]);
  assertEquals([file.kind, file.size, file.path], ["file", 6, `${dir}/tree/docs/hello.txt`]);
  assertEquals(await mtimeOf(file.path!), await mtimeOf(`${tree}/docs/hello.txt`));
  const run = await world.json<Receipt>(dir, ["get", "tree/bin/run", "-o", `${dir}/run`]);
  assert(((await Deno.stat(run.path!)).mode! & 0o100) !== 0);
  const part = await world.json<Receipt>(dir, ["get", "tree/docs", "-o", `${dir}/part`]);
  assertEquals([part.kind, part.files?.fetched], ["folder", 1]);
  await assertSameTree(`${dir}/part`, `${tree}/docs`);
  const streamed = await world.run(dir, ["get", "tree/docs/latest", "-o", "-"]);
  assertEquals(streamed.stdout, "hello\n");
  const large = await world.json<Receipt>(dir, ["get", "tree/large", "-o", `${dir}/large`]);
  assert(await sameFiles(large.path!, `${tree}/large`));

  const nothing = await world.run(dir, ["get", "tree/none"]);
  assertRefused(nothing, { code: 3, text: "the folder tree has no such file" });
  assertRefused(await world.run(dir, ["get", "wood/none"]), { code: 3 });
  const whole = await world.run(dir, ["get", "tree", "-o", "-"]);
  assertRefused(whole, { code: 2, text: "it is a folder" });
  const left = ["large", "part", "run", "tree", "tree/docs", "tree/docs/hello.txt"];
  assertEquals(placedIn(dir).filter((name) => !name.startsWith("part/")), left);
  assertEquals((await world.json<PeerStatus>(dir, ["status"])).partials, []);
});

Deno.test("a folder with many entries", async () => {
  await using world = await World.create();
  const { dir } = await world.peer("sharer");
  for (let entry = 0; entry < ENTRIES; entry++) {
    const folder = `${dir}/many/${Math.floor(entry / 500)}`;
    if (entry % 500 === 0) Deno.mkdirSync(folder, { recursive: true });
    else Deno.writeTextFileSync(`${folder}/${entry}`, `${entry % 3_000}`);
  }
  const [shared] = await world.json<ShareResult[]>(dir, ["share", "many"]);
  assertEquals(shared.entries, ENTRIES);
  const getter = await world.folder("getter");
  const receipt = await world.json<Receipt>(getter, ["get", "many"]);
  const { fetched, copied } = receipt.files!;
  assertEquals(fetched + copied, ENTRIES - ENTRIES / 500);
  assert(fetched <= 3_000, "each content once");
  await assertSameTree(`${getter}/many`, `${dir}/many`);
});
