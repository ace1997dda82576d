import { assert, assertEquals, assertMatch } from "@std/assert";
import type { PeerStatus, Receipt, TrustEntry } from "../../src/peer/api/peer_api.ts";
import { sha256 } from "../support/bytes.ts";
import { assertRefused, contentsOf, placedIn } from "./checks.ts";
import { World } from "./world.ts";
import { assertSameTree, sharing, text, write } from "./trees.ts";

Deno.test("-o of a folder is the folder itself, or with a slash the one that it goes into", async () => {
  await using world = await World.create();
  const { tree } = await sharing(world);
  const dir = await world.folder("getter");
  const out = await world.folder("out");
  const get = (...args: string[]) => world.run(dir, ["get", "tree", ...args]);
  assertEquals((await get("-o", `${out}/other`)).code, 0);
  await assertSameTree(`${out}/other`, tree);
  assertMatch((await get("-o", `${out}/other`)).stdout, /already up to date/);
  assertEquals((await get("-o", `${out}/`)).code, 0);
  await assertSameTree(`${out}/tree`, tree);
  await Deno.mkdir(`${out}/empty`);
  assertEquals((await get("-o", `${out}/empty`)).code, 0);
  await assertSameTree(`${out}/empty`, tree);
  assertRefused(await get("-o", `${out}/no/such`), { code: 2, text: "there is no folder" });
  assertRefused(await get("-o", `${out}/none/`), { code: 2 });
  assertEquals((await world.json<PeerStatus>(dir, ["status"])).partials, []);
});

Deno.test("a folder may be named with a slash, as lists show it", async () => {
  await using world = await World.create();
  const sharer = await sharing(world);
  const dir = await world.folder("getter");
  const listed = await world.run(dir, ["list-files"]);
  const [id, name] = [listed.stdout.split("\n")[1].split(" ")[0], "tree/"];
  assert(listed.stdout.includes(` ${name}\n`), listed.stdout);
  assertEquals((await world.json<unknown[]>(dir, ["list-files", name])).length, 1);
  assertEquals((await world.json<unknown[]>(dir, ["list-files", "--versions", name])).length, 1);
  for (const word of [name, `${name}@${id}`]) {
    assertEquals((await world.json<Receipt>(dir, ["get", word])).path, `${dir}/tree`);
  }
  await assertSameTree(`${dir}/tree`, sharer.tree);
  assertEquals((await world.json<TrustEntry>(dir, ["trust", "forget", name])).name, "tree");
  assertEquals((await world.json<TrustEntry>(dir, ["trust", "accept", name])).name, "tree");
  assertEquals((await world.run(sharer.dir, ["unshare", name])).code, 0);
});

Deno.test("a name that is a file to one and a folder to another is ambiguous", async () => {
  await using world = await World.create();
  await sharing(world);
  const other = await world.peer("other");
  await write(`${other.dir}/tree`, "a file");
  await world.json(other.dir, ["share", "tree"]);
  const dir = await world.folder("getter");
  const { code, stderr } = await world.run(dir, ["get", "tree"]);
  assertEquals(code, 8);
  assertMatch(stderr, /^shoal: Cannot get "tree": the name stands for 2 different /);
  assertEquals(placedIn(dir), []);
});

Deno.test("a file that is shared by its own name comes before a folder's", async () => {
  await using world = await World.create();
  const { dir, tree } = await sharing(world);
  await world.json(dir, ["share", "tree/docs/hello.txt"]);
  const getter = await world.folder("getter");
  const receipt = await world.json<Receipt>(getter, ["get", "tree/docs/hello.txt"]);
  assert(receipt.publisher !== undefined, "it is announced by itself");
  assertEquals(await text(receipt.path!), await text(`${tree}/docs/hello.txt`));
  const taken = await world.folder("elsewhere/tree");
  assertRefused(await world.run(dir, ["share", taken]), {
    code: 2,
    text: "the name tree is taken",
  });
});

Deno.test("a folder has no checksum of its own: what to say instead is named", async () => {
  await using world = await World.create();
  const { shared, tree } = await sharing(world);
  const dir = await world.folder("getter");
  const checksum = ["--checksum", `sha256=${"0".repeat(64)}`];
  for (const name of ["tree", "tree/docs"]) {
    const refused = await world.run(dir, ["get", name, ...checksum]);
    assertRefused(refused, { code: 2, text: `a folder has no checksum` });
    assert(refused.stderr.includes(`--id ${shared.id}`), refused.stderr);
  }
  assertEquals(contentsOf(dir), []);
  await world.json(dir, ["get", "tree", "--id", shared.id]);
  await assertSameTree(`${dir}/tree`, tree);
  assertRefused(await world.run(dir, ["get", "tree", ...checksum]), { code: 2 });
  // A file in it has one.
  const digest = sha256(await Deno.readFile(`${tree}/chunk`)).toHex();
  const file = ["get", "tree/chunk", "-o", `${dir}/alone`, "--checksum"];
  assertRefused(await world.run(dir, [...file, checksum[1]]), { code: 5, text: digest });
  assertEquals((await world.json<Receipt>(dir, [...file, `sha256=${digest}`])).sha256, digest);
});

Deno.test("an id pins the file in a folder, or the folder: no other is taken", async () => {
  await using world = await World.create();
  const { shared, tree } = await sharing(world);
  const dir = await world.folder("getter");
  for (const more of [[], ["-o", "-"]]) {
    const words = ["get", "tree/docs/hello.txt", "--id", "0".repeat(64), ...more];
    assertRefused(await world.run(dir, words), { code: 3, text: "the file has the id" });
    assertEquals(contentsOf(dir), []);
  }
  const { id } = await world.json<Receipt>(dir, ["get", "tree/docs/hello.txt", "-o", `${dir}/one`]);
  for (const [path, pinned] of [[`${dir}/two`, id], [`${dir}/three`, shared.id]]) {
    await world.json(dir, ["get", "tree/docs/hello.txt", "--id", pinned!, "-o", path!]);
    assertEquals(await text(path!), await text(`${tree}/docs/hello.txt`));
  }
});

Deno.test("whom a folder was taken from is remembered with any part of it", async () => {
  await using world = await World.create();
  const { tree, dir: home, program } = await sharing(world);
  const dir = await world.folder("getter");
  const first = await world.json<Receipt>(dir, ["get", "tree/docs/hello.txt"]);
  assertEquals(first.trust, "first");
  const known = await world.json<TrustEntry[]>(dir, ["trust", "list"]);
  assertEquals(known.map(({ name, publisher }) => [name, publisher]), [["tree", first.publisher]]);
  assertEquals((await world.json<Receipt>(dir, ["get", "tree/chunk"])).trust, "known");
  // Somebody else's folder of that name is refused, also by its parts.
  await program.stop();
  const other = await world.peer("other");
  await Deno.mkdir(`${other.dir}/tree/docs`, { recursive: true });
  await write(`${other.dir}/tree/docs/hello.txt`, "mine\n");
  await world.json(other.dir, ["share", "tree"]);
  const words = ["get", "tree/docs/hello.txt", "--overwrite"];
  assertRefused(await world.run(dir, words), { code: 5, text: "was remembered for it" });
  assertRefused(await world.run(dir, ["get", "tree/docs", "--update"]), { code: 5 });
  assertEquals(await text(`${dir}/tree/docs/hello.txt`), await text(`${tree}/docs/hello.txt`));
  assertEquals(placedIn(home).length > 0, true);
});
