import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { DownloadStore } from "../../../src/store/partial/download_store.ts";
import { Library } from "../../../src/store/shares/library.ts";
import { TrustStore } from "../../../src/store/state/trust_store.ts";
import { StateDatabase } from "../../../src/store/state/state_database.ts";
import { openStateFolder, stateFolderOf } from "../../../src/store/state/state_folder.ts";
import { assertSameBytes, patterned } from "../../support/bytes.ts";
import { faultOf } from "../../support/faults.ts";
import { State } from "../../support/state.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { noPosix, testUnless } from "../../support/tools.ts";

const ID = "0123456789abcdef".repeat(4);

// State database

Deno.test("state database: a second handle finds it held, until the first is closed", async () => {
  await using folder = await TempFolder.create();
  const path = folder.at("state.db");
  const first = StateDatabase.open(path);
  await faultOf("held", () => StateDatabase.open(path), "another process has it");
  first.run("DELETE FROM files");
  first.close();
  StateDatabase.open(path).close();
});

Deno.test("state database: another process finds it held", async () => {
  await using folder = await TempFolder.create();
  const path = folder.at("state.db");
  using _state = new State(path);
  const module = new URL("../../../src/store/state/state_database.ts", import.meta.url).href;
  const code = `import { StateDatabase } from ${JSON.stringify(module)};
    try {
      StateDatabase.open(${JSON.stringify(path)});
    } catch (error) {
      console.log(error.kind);
    }`;
  const args = ["eval", "--no-lock", code];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
  assertEquals(new TextDecoder().decode(stdout), "held\n");
});

Deno.test("state database: a damaged file is a fault, and stays as it is", async () => {
  await using folder = await TempFolder.create();
  const garbage = patterned(8_192);
  const path = await folder.write("state.db", garbage);
  await faultOf("disk", () => StateDatabase.open(path), `Cannot use "${path}": `);
  assertSameBytes(await Deno.readFile(path), garbage);
  assertEquals(folder.list(), ["state.db"]);
});

Deno.test("state database: one that a newer program made is left alone", async () => {
  await using folder = await TempFolder.create();
  const path = folder.at("state.db");
  const newer = new DatabaseSync(path);
  newer.exec("PRAGMA user_version = 99; CREATE TABLE wonders (x); INSERT INTO wonders VALUES (1)");
  newer.close();
  await faultOf("disk", () => StateDatabase.open(path), "a newer Shoal made it");
  const after = new DatabaseSync(path);
  assertEquals(after.prepare("SELECT x FROM wonders").get()?.x, 1);
  assertEquals(after.prepare("PRAGMA user_version").get()?.user_version, 99);
  after.close();
});

Deno.test("state database: a place that can't be written to is a disk fault", async () => {
  await using folder = await TempFolder.create();
  await faultOf("disk", () => StateDatabase.open(folder.at("missing/state.db")), "Cannot use");
  await folder.mkdir("folder");
  await faultOf("disk", () => StateDatabase.open(folder.at("folder")), "Cannot use");
});

Deno.test("state database: a failing statement is a disk fault", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  const insert = () => state.db.run("INSERT INTO nowhere VALUES (1)");
  await faultOf("disk", insert, "Cannot use the state database: ");
});

// Digest store

Deno.test("digest store: blocks of a draft are under the id once it is settled", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  const draft = state.digests.draft();
  draft.put(0, 0, patterned(64, 1));
  draft.put(0, 1, patterned(32, 2));
  draft.put(1, 0, patterned(64, 3));
  assertEquals(state.digests.block(ID, 0, 0), undefined);
  draft.settle(ID);
  assertSameBytes(state.digests.block(ID, 0, 0)!, patterned(64, 1));
  assertSameBytes(state.digests.block(ID, 0, 1)!, patterned(32, 2));
  assertSameBytes(state.digests.block(ID, 1, 0)!, patterned(64, 3));
  assertEquals(state.keptFor(), [ID]);
});

Deno.test("digest store: settled twice, or known before, leaves one set of blocks", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  for (let round = 0; round < 2; round++) {
    const draft = state.digests.draft();
    draft.put(0, 0, patterned(64));
    draft.settle(ID);
    draft.settle(ID);
    draft.discard();
    assertEquals(state.keptFor(), [ID]);
    assertSameBytes(state.digests.block(ID, 0, 0)!, patterned(64));
  }
});

Deno.test("digest store: drafts don't mix, and a discarded one is gone", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  const [one, two] = [state.digests.draft(), state.digests.draft()];
  one.put(0, 0, patterned(32, 1));
  two.put(0, 0, patterned(32, 2));
  one.discard();
  two.settle(ID);
  assertSameBytes(state.digests.block(ID, 0, 0)!, patterned(32, 2));
  assertEquals(state.keptFor(), [ID]);
});

Deno.test("digest store: an empty block is kept as such", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  state.digests.put(ID, 0, 0, new Uint8Array());
  assertEquals(state.digests.block(ID, 0, 0)?.length, 0);
});

Deno.test("digest store: what nothing refers to is removed by tidying up", async () => {
  await using folder = await TempFolder.create();
  const path = await folder.write("file", "content");
  using state = new State(folder.at("state.db"));
  const { id } = await state.cache.identify(path);
  state.digests.draft().put(0, 0, patterned(32));
  state.digests.put(ID, 0, 0, patterned(32));
  assertEquals(state.keptFor().length, 3);
  state.digests.tidy();
  assertEquals(state.keptFor(), [id]);
});

Deno.test("state: rows that no Shoal wrote are a fault or not known, and name no path", async () => {
  await using folder = await TempFolder.create();
  const beside = await folder.write("beside.part", "x");
  const path = await folder.write("dir/file", "x");
  using state = new State(folder.at("state.db"));
  await state.share(path, "file");
  state.db.run("UPDATE files SET mtime = '12x'");
  assertEquals(state.cache.lookup(path), undefined);
  assertEquals((await state.cache.identify(path)).hashed, true, "it is hashed anew");

  const downloads = new DownloadStore(state.db, await folder.mkdir("partials"));
  const wrong: [id: string, size: number, announcement: string | null][] = [
    ["../beside", 1, null],
    [ID, -1, null],
    [ID, 0.5, null],
    [ID, 2 ** 52, null],
    [ID, 1, "{"],
    [ID, 1, "[]"],
  ];
  for (const [id, size, announcement] of wrong) {
    state.db.run(
      "INSERT INTO downloads VALUES (?, 'a', ?, ?, NULL, 0, ?, 1, 1, 0, 'first', NULL, NULL, NULL, 0, NULL)",
      ...[id, size, new Uint8Array(1), announcement],
    );
    await faultOf("disk", () => downloads.tidy(), "a download in it is damaged");
    state.db.run("DELETE FROM downloads");
  }
  assertEquals(await Deno.readTextFile(beside), "x");
  // A partial beside its target has a name that nothing else has.
  const about = { name: "a", size: 1, overwrite: false, taken: "first" as const };
  downloads.begin({ ...about, id: ID, place: beside });
  downloads.remove(ID);
  assertEquals(await Deno.readTextFile(beside), "x");

  state.db.run("INSERT INTO trust VALUES ('a', 'nobody', 'first', 1, 1, NULL)");
  const trust = new TrustStore(state.db);
  await faultOf("disk", () => trust.get("a"), "is damaged");
  assertEquals(trust.get("b"), undefined);

  state.db.run("UPDATE shares SET publisher = 'nobody'");
  const { db, cache } = state;
  await faultOf("disk", () => new Library(db, cache), "a share in it is damaged");
});

// State folder

Deno.test("state folder: made for its owner alone, in a folder that exists", async () => {
  await using folder = await TempFolder.create();
  const dir = await folder.mkdir("dir");
  const opened = await openStateFolder(dir);
  assertEquals(opened, stateFolderOf(dir));
  assertEquals(opened.path, folder.at("dir/.shoal"));
  if (Deno.build.os !== "windows") {
    assertEquals((await Deno.stat(opened.path)).mode! & 0o777, 0o700);
  }
  await openStateFolder(dir);
  const missing = folder.at("missing/dir");
  await faultOf("usage", openStateFolder(missing), "there is no such folder");
  assertEquals((await openStateFolder(missing, { create: true })).dir, missing);
});

Deno.test("state folder: a file, or a link in its place, is refused", async () => {
  await using folder = await TempFolder.create();
  const file = await folder.write("file", "x");
  await faultOf("usage", openStateFolder(file), "it is a file");
  const dir = await folder.mkdir("dir");
  await folder.mkdir("trap");
  await Deno.symlink(folder.at("trap"), folder.at("dir/.shoal"));
  await faultOf("usage", openStateFolder(dir), "it is a link");
  assertEquals(folder.list().filter((name) => name.startsWith("trap/")), []);
});

testUnless(
  noPosix,
  "state folder: links in it are refused, and it is its owner's alone",
  async () => {
    await using folder = await TempFolder.create();
    const state = folder.at("dir/.shoal");
    for (const name of ["state.db", "identity.pem", "partials"]) {
      await folder.write("outside/file", "x");
      await folder.mkdir("dir/.shoal");
      await Deno.symlink(
        folder.at(name === "partials" ? "outside" : "outside/file"),
        `${state}/${name}`,
      );
      await faultOf("usage", openStateFolder(folder.at("dir")), `${state}/${name}": it is a link`);
      await Deno.remove(`${state}/${name}`);
    }
    assertEquals(folder.list(), ["dir", "dir/.shoal", "outside", "outside/file"]);
    await Deno.chmod(state, 0o755);
    await openStateFolder(folder.at("dir"));
    assertEquals((await Deno.stat(state)).mode! & 0o777, 0o700);
  },
);

Deno.test("state folder: DIR over a link is the same DIR", async () => {
  await using folder = await TempFolder.create();
  const dir = await folder.mkdir("dir");
  await Deno.symlink(dir, folder.at("link"));
  assertEquals((await openStateFolder(folder.at("link"))).dir, dir);
});
