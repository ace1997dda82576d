/** Folders as one thing: what is shared of them, and what stands where they were fetched to. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type {
  FileRecord,
  PeerStatus,
  Plan,
  Receipt,
  ShareResult,
  TrustEntry,
} from "../../src/peer/peer_api.ts";
import { sha256 } from "../support/bytes.ts";
import { closedPort } from "../support/sockets.ts";
import { assertRefused, contentsOf, eventually, placedIn } from "./checks.ts";
import { type Peer, sameFiles, World, writeRandom } from "./world.ts";

const MIB = 1 << 20;
/** Entries of a large tree. `$SHOAL_FOLDER_ENTRIES` is for longer runs. */
const ENTRIES = Number(Deno.env.get("SHOAL_FOLDER_ENTRIES") ?? 10_000);

const text = (path: string) => Deno.readTextFile(path);
const write = (path: string, content: string) => Deno.writeTextFile(path, content);
const mtimeOf = async (path: string) => (await Deno.lstat(path)).mtime!.getTime();

/** A folder with some of everything that can be fetched. */
async function makeTree(root: string): Promise<void> {
  await Deno.mkdir(`${root}/docs/empty/deeper`, { recursive: true });
  await Deno.mkdir(`${root}/bin`);
  await write(`${root}/docs/hello.txt`, "hello\n");
  await write(`${root}/docs/again.txt`, "hello\n");
  await write(`${root}/nothing`, "");
  await write(`${root}/ünï 😀`, "names");
  await write(`${root}/bin/run`, "#!/bin/sh\n");
  await Deno.chmod(`${root}/bin/run`, 0o755);
  await Deno.utime(`${root}/docs/hello.txt`, 0, new Date("2020-02-03T04:05:06.789Z"));
  await writeRandom(`${root}/chunk`, 65_536);
  await writeRandom(`${root}/over`, 65_537);
  await writeRandom(`${root}/payload`, MIB);
  await writeRandom(`${root}/large`, 3 * MIB + 1);
  await Deno.copyFile(`${root}/large`, `${root}/docs/large too`);
  await Deno.symlink("hello.txt", `${root}/docs/latest`);
  await Deno.symlink("../docs", `${root}/bin/docs`);
}

/** Asserts that two trees have the same entries, contents, targets, times and executable files. */
async function assertSameTree(actual: string, expected: string): Promise<void> {
  assertEquals(placedIn(actual), placedIn(expected));
  for (const name of placedIn(expected)) {
    const [a, b] = [await Deno.lstat(`${actual}/${name}`), await Deno.lstat(`${expected}/${name}`)];
    assertEquals(
      [a.isFile, a.isDirectory, a.isSymlink],
      [b.isFile, b.isDirectory, b.isSymlink],
      name,
    );
    if (b.isSymlink) {
      const target = (root: string) => Deno.readLink(`${root}/${name}`);
      assertEquals(await target(actual), await target(expected), name);
    }
    if (!b.isFile) continue;
    assert(await sameFiles(`${actual}/${name}`, `${expected}/${name}`), name);
    assertEquals(a.mtime!.getTime(), b.mtime!.getTime(), name);
    assertEquals(a.mode! & 0o100, b.mode! & 0o100, name);
  }
}

async function sharing(world: World): Promise<Peer & { tree: string; shared: ShareResult }> {
  const peer = await world.peer("sharer");
  const tree = `${peer.dir}/tree`;
  await makeTree(tree);
  const [shared] = await world.json<ShareResult[]>(peer.dir, ["share", "tree"]);
  return { ...peer, tree, shared };
}

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

Deno.test("a folder arrives as it is, is up to date the second time, and is served on", async () => {
  await using world = await World.create();
  const { tree, shared, program } = await sharing(world);
  assertEquals([shared.kind, shared.entries, shared.left_out], ["folder", 16, []]);
  const [listed] = await world.json<FileRecord[]>(await world.folder("x"), ["list-files"]);
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

Deno.test("what can't be shared of a folder is left out, and named", async () => {
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
  await new Deno.Command("mkfifo", { args: [`${tree}/pipe`] }).output();
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
  assertMatch(said.stderr, /^Left out pipe: it is a named pipe$/m);
  assertEquals(said.code, 0);

  const getter = await world.folder("getter");
  await world.json(getter, ["get", "tree"]);
  assertEquals(placedIn(getter), ["tree", "tree/Case", "tree/d", "tree/d/ok"]);
});

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

  await Deno.mkdir(`${getter}/tree/nothing/inside`, { recursive: true });
  await write(`${getter}/tree/docs`, "no folder");
  const inTheWay = await get("--update");
  assertRefused(inTheWay, { code: 6, text: "tree/docs: it is no folder" });
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
      assertRefused(refused, { code: 6, text: `Cannot write ${dir}/${name}: it is a` });
      assertMatch(refused.stderr, /next: move that away, or choose another place/);
    }
  }
  assertEquals(contentsOf(dir), ["single", "single/kept", "tree"]);
});

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

Deno.test("a name that is a file to one and a folder to another is ambiguous", async () => {
  await using world = await World.create();
  await sharing(world);
  const other = await world.peer("other");
  await write(`${other.dir}/tree`, "a file");
  await world.json(other.dir, ["share", "tree"]);
  const dir = await world.folder("getter");
  const { code, stderr } = await world.run(dir, ["get", "tree"]);
  assertEquals(code, 8);
  assertMatch(stderr, /^shoal: Cannot get tree: the name stands for 2 different /);
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

Deno.test("--watch announces changes of folders and files by itself", async () => {
  await using world = await World.create();
  const { dir, program } = await world.peer("sharer");
  await makeTree(`${dir}/tree`);
  await write(`${dir}/single`, "one");
  const watched = await world.json<ShareResult[]>(dir, ["share", "tree", "single", "--watch"]);
  assert(watched.every((one) => one.watched));
  const getter = await world.folder("getter");
  const idOf = async (name: string) => {
    const files = await world.json<FileRecord[]>(getter, ["list-files"]);
    return files.find((one) => one.name === name)?.id;
  };
  const update = async () => {
    const { code, stderr } = await world.run(getter, ["get", "tree", "--update", "--delete"]);
    // The version that was found may have been replaced before it was fetched.
    assert(code === 0 || code === 4, stderr);
  };
  await world.json(getter, ["get", "tree"]);
  await write(`${dir}/tree/docs/hello.txt`, "changed\n");
  await Deno.mkdir(`${dir}/tree/made/later`, { recursive: true });
  await write(`${dir}/tree/made/later/file`, "later");
  await write(`${dir}/replacement`, "two");
  await Deno.rename(`${dir}/replacement`, `${dir}/single`);
  await eventually("the file has a new version", async () => {
    const id = await idOf("single");
    return id && id !== watched[1].id;
  });
  await eventually("the folder's new version is whole", async () => {
    await update();
    return placedIn(`${getter}/tree`).includes("made/later/file") &&
      await text(`${getter}/tree/docs/hello.txt`) === "changed\n";
  });
  await assertSameTree(`${getter}/tree`, `${dir}/tree`);
  // A peer that starts again goes on watching, and sees what changed while it was away.
  await program.stop();
  await write(`${dir}/tree/away`, "while it was away");
  await world.peer("sharer");
  await eventually("what changed meanwhile is announced", async () => {
    await update();
    return placedIn(`${getter}/tree`).includes("away");
  });
  const before = await idOf("single");
  await write(`${dir}/single`, "three");
  await write(`${dir}/tree/back`, "now that it is back");
  await eventually("the file has a new version again", async () => await idOf("single") !== before);
  await eventually("and so has the folder", async () => {
    await update();
    return placedIn(`${getter}/tree`).includes("back");
  });
  await assertSameTree(`${getter}/tree`, `${dir}/tree`);
  const alone = await world.run(getter, ["share", "tree", "--watch"]);
  assertRefused(alone, { code: 2, text: "no peer is running" });
});

Deno.test("--watch follows a folder that another one takes the place of", async () => {
  await using world = await World.create();
  const { dir } = await world.peer("sharer");
  const make = async (folder: string, file: string) => {
    await Deno.mkdir(`${dir}/${folder}`);
    await write(`${dir}/${folder}/${file}`, file);
  };
  await make("tree", "one");
  await world.json(dir, ["share", "tree", "--watch"]);
  const getter = await world.folder("getter");
  const holds = (...paths: string[]) => async () => {
    const { code } = await world.run(getter, ["get", "tree", "--update", "--delete"]);
    return code === 0 && placedIn(`${getter}/tree`).join() === paths.join();
  };
  await eventually("it is had", holds("one"));
  // As a script puts a new version in place.
  await make(".next", "two");
  await Deno.rename(`${dir}/tree`, `${dir}/.before`);
  await Deno.rename(`${dir}/.next`, `${dir}/tree`);
  await eventually("what was moved to its place is announced", holds("two"));
  await write(`${dir}/tree/three`, "three");
  await eventually("and watched", holds("three", "two"));
  await Deno.remove(`${dir}/tree`, { recursive: true });
  await eventually("it is withdrawn", async () => {
    return (await world.json<FileRecord[]>(getter, ["list-files"])).length === 0;
  });
  await make("tree", "four");
  await eventually("what was made anew is announced", holds("four"));
  await write(`${dir}/tree/five`, "five");
  await eventually("and watched too", holds("five", "four"));
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
  const diff = await new Deno.Command("diff", { args: ["-r", `${dir}/many`, `${getter}/many`] })
    .output();
  assert(diff.success);
});
