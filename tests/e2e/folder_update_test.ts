import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Plan, Receipt, ShareResult, TrustEntry } from "../../src/peer/api/peer_api.ts";
import { closedPort } from "../support/sockets.ts";
import { assertRefused, contentsOf, eventually, placedIn } from "./checks.ts";
import { World } from "./world.ts";
import { assertSameTree, sharing, text, write } from "./trees.ts";

Deno.test("--no-clobber leaves a folder alone that is there, wherever it was to go", async () => {
  await using world = await World.create();
  const { shared } = await sharing(world);
  const dir = await world.folder("other");
  await Deno.mkdir(`${dir}/tree`);
  await write(`${dir}/tree/mine`, "mine\n");
  const words = ["get", "tree", "--no-clobber"];
  const kept = await world.json<Receipt>(dir, words, {
    bootstrap: `127.0.0.1:${closedPort()}`,
  });
  assertEquals([kept.kind, kept.kept, kept.size, kept.bytes], ["folder", true, 5, 0]);
  assertEquals(kept.files, { fetched: 0, copied: 0, unchanged: 1, deleted: 0 });
  assertMatch(kept.id, /^[0-9a-f]{64}$/);

  // A folder that is named is the destination itself, and so it is known only when the name is found.
  const named = await world.json<Receipt>(dir, [...words, "-o", `${dir}/tree`]);
  assertEquals([named.kept, named.id, named.publisher], [true, kept.id, undefined]);
  const plan = await world.json<Plan>(dir, [...words, "-o", `${dir}/tree`, "--dry-run"]);
  assertEquals([plan.action, plan.kept, plan.id], ["none", true, kept.id]);
  assertEquals(placedIn(dir), ["tree", "tree/mine"]);
  assertEquals(await world.json<TrustEntry[]>(dir, ["trust", "list"]), []);
  const { code } = await world.run(dir, [...words, "--checksum", `sha256=${"0".repeat(64)}`]);
  assertEquals(code, 2);

  // An empty folder is nothing that could be lost.
  await Deno.remove(`${dir}/tree/mine`);
  const fetched = await world.json<Receipt>(dir, words);
  assertEquals([fetched.kept, fetched.id], [undefined, shared.id]);
  await assertSameTree(`${dir}/tree`, `${world.root}/sharer/tree`);
});

Deno.test("an update moves only what changed, and deletes only when it is told to", async () => {
  await using world = await World.create();
  const { dir, tree, shared } = await sharing(world);
  const getter = await world.folder("getter");
  const copy = `${getter}/tree`;
  await world.json(getter, ["get", "tree"]);
  await write(`${tree}/docs/hello.txt`, "changed\n");
  await Deno.remove(`${tree}/docs/again.txt`);
  await Deno.rename(`${tree}/large`, `${tree}/renamed`);
  await Deno.mkdir(`${tree}/new/folder`, { recursive: true });
  await write(`${tree}/new/file`, "new");
  await Deno.remove(`${tree}/docs/latest`);
  await Deno.symlink("large too", `${tree}/docs/latest`);
  const [next] = await world.json<ShareResult[]>(dir, ["share", "tree"]);
  assert(next.id !== shared.id);

  await write(`${copy}/mine`, "mine");
  await Deno.symlink("/etc/passwd", `${copy}/out`);
  const untouched = await Deno.stat(`${copy}/payload`);
  const refused = await world.run(getter, ["get", "tree"]);
  assertRefused(refused, { code: 6, text: "it exists and differs" });
  assertEquals(await text(`${copy}/docs/hello.txt`), "hello\n");

  const receipt = await world.json<Receipt>(getter, ["get", "tree", "--update"]);
  assertEquals(receipt.files, { fetched: 2, copied: 1, unchanged: 7, deleted: 0 });
  assert(receipt.bytes < 65_536, "the rest was here");
  assertEquals(await text(`${copy}/docs/hello.txt`), "changed\n");
  assertEquals(await text(`${copy}/mine`), "mine");
  assertEquals(await text(`${copy}/docs/again.txt`), "hello\n");
  assertEquals((await Deno.stat(`${copy}/payload`)).ino, untouched.ino);

  const cleaned = await world.json<Receipt>(getter, ["get", "tree", "--update", "--delete"]);
  assertEquals(cleaned.files, { fetched: 0, copied: 0, unchanged: 10, deleted: 4 });
  await assertSameTree(copy, tree);
  assert((await Deno.stat("/etc/passwd")).isFile);
  const done = await world.json<Receipt>(getter, ["get", "tree", "--update", "--delete"]);
  assert(done.up_to_date);
  assertRefused(await world.run(getter, ["get", "tree", "--delete"]), { code: 2 });
});

Deno.test("what stands in the way of a folder, or of a file in it", async () => {
  await using world = await World.create();
  const { dir, tree } = await sharing(world);
  const getter = await world.folder("getter");
  await write(`${getter}/tree`, "a file");
  const get = (...args: string[]) => world.run(getter, ["get", "tree", ...args]);
  for (const args of [[], ["--update"], ["--overwrite"]]) {
    assertRefused(await get(...args), { code: 6, text: "it is a file, and tree is a folder" });
  }
  assertEquals(await text(`${getter}/tree`), "a file");
  assertRefused(await world.run(getter, ["get", "tree/docs"]), { code: 6, text: "is a file" });
  await Deno.remove(`${getter}/tree`);

  await Deno.mkdir(`${getter}/elsewhere`);
  await Deno.symlink("elsewhere", `${getter}/tree`);
  assertRefused(await get("--update"), { code: 6, text: "it is a link" });
  await Deno.remove(`${getter}/tree`);

  await world.json(getter, ["trust", "accept", "tree"]);
  await Deno.mkdir(`${getter}/tree/nothing/inside`, { recursive: true });
  await write(`${getter}/tree/docs`, "no folder");
  const inTheWay = await get("--update");
  assertRefused(inTheWay, { code: 6, text: 'tree/docs": it is no folder' });
  assertMatch(inTheWay.stderr, /^next: remove that, or add --delete, and run it again$/m);
  assertEquals(placedIn(`${getter}/tree`), ["docs", "nothing", "nothing/inside"]);
  assertEquals((await get("--update", "--delete")).code, 0);
  await assertSameTree(`${getter}/tree`, tree);

  // A link in the place of a folder is replaced, not followed.
  await Deno.remove(`${getter}/tree/docs`, { recursive: true });
  await Deno.symlink(`${getter}/elsewhere`, `${getter}/tree/docs`);
  assertEquals((await get("--update", "--delete")).code, 0);
  await assertSameTree(`${getter}/tree`, tree);
  assertEquals(placedIn(`${getter}/elsewhere`), []);

  // The reverse: a folder where a file is due.
  await write(`${dir}/plain`, "plain");
  await world.json(dir, ["share", "plain"]);
  await Deno.mkdir(`${getter}/plain`);
  for (const args of [[], ["--overwrite"], ["--update"]]) {
    const refused = await world.run(getter, ["get", "plain", ...args]);
    assertRefused(refused, { code: 6, text: "it is a folder" });
  }
});

Deno.test("a file where a folder is due, and the reverse: no option replaces it", async () => {
  await using world = await World.create();
  const peer = await sharing(world);
  await write(`${peer.dir}/single`, "one");
  await world.json(peer.dir, ["share", "single"]);
  const dir = await world.folder("getter");
  await write(`${dir}/tree`, "file");
  await Deno.mkdir(`${dir}/single/kept`, { recursive: true });
  for (const name of ["tree", "single"]) {
    for (const option of [[], ["--overwrite"], ["--update"]]) {
      const refused = await world.run(dir, ["get", name, ...option]);
      assertRefused(refused, { code: 6, text: `Cannot write "${dir}/${name}": it is a` });
      assertMatch(refused.stderr, /next: move that away, or choose another place/);
    }
  }
  assertEquals(contentsOf(dir), ["single", "single/kept", "tree"]);
});

Deno.test("a folder that is left alone is known to be up to date, until it is touched", async () => {
  await using world = await World.create();
  const { tree } = await sharing(world);
  const dir = await world.folder("getter");
  await world.json(dir, ["get", "tree"]);
  const looked = await world.json<Receipt>(dir, ["get", "tree"]);
  // What has just changed is looked at again for a while: it could change once more without a trace.
  const recalled = await eventually("not even the manifest is fetched", async () => {
    const receipt = await world.json<Receipt>(dir, ["get", "tree", "--update", "--delete"]);
    return receipt.bytes === 0 && receipt;
  });
  assertEquals([looked.up_to_date, recalled.up_to_date], [true, true]);
  assertEquals([recalled.files, recalled.chunks, recalled.size, recalled.path], [
    ...[looked.files, looked.chunks, looked.size, looked.path],
  ]);
  const plan = await world.json<Plan>(dir, ["get", "tree", "--dry-run"]);
  assertEquals([plan.action, plan.bytes.missing], ["none", 0]);
  await write(`${dir}/tree/docs/hello.txt`, "HELLO\n");
  assertRefused(await world.run(dir, ["get", "tree"]), { code: 6, text: "in docs/hello.txt" });
  await write(`${dir}/tree/extra`, "");
  const mended = await world.json<Receipt>(dir, ["get", "tree", "--update", "--delete"]);
  assertEquals([mended.files?.deleted, mended.up_to_date], [1, false]);
  await assertSameTree(`${dir}/tree`, tree);
});
