import { assert, assertEquals, assertNotEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import fs from "node:fs";
import { resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Fault } from "../src/fault.ts";
import { Disk } from "../src/store/disk.ts";
import { type FileStamp, mtimeOf, stampOf } from "../src/store/file_stamp.ts";
import { hashFile, type HashOptions } from "../src/store/hash_file.ts";
import { PartialFile } from "../src/store/partial_file.ts";
import { publishFile } from "../src/store/publish_file.ts";
import { resolveShare } from "../src/store/resolve_share.ts";
import { isInside, pathOf, safeName, whyUnsafe } from "../src/store/safe_path.ts";
import { StateDatabase } from "../src/store/state_database.ts";
import { openStateFolder, stateFolderOf } from "../src/store/state_folder.ts";
import { assertSameBytes, type Bytes, patterned } from "./support/bytes.ts";
import { CountedDisk } from "./support/counted_disk.ts";
import { faultOf } from "./support/faults.ts";
import { openIn } from "./support/open_in.ts";
import { payloadOf } from "./support/payload.ts";
import { referenceDigests, referenceIdOf, referenceTree } from "./support/reference_tree.ts";
import { announcementOf, State } from "./support/state.ts";
import { TempFolder } from "./support/temp_folder.ts";

const MIB = 1 << 20;
const ID = "0123456789abcdef".repeat(4);
const NFC = "caf\u00e9";
const NFD = "cafe\u0301";
const posixOnly = { ignore: Deno.build.os === "windows" };

/** The stamp of the file at `path` now. */
function stampAt(path: string): FileStamp {
  const fd = fs.openSync(path, "r");
  const { size, mtimeNs, inode } = stampOf(fd);
  fs.closeSync(fd);
  return { size, mtimeNs, inode };
}

// Names

Deno.test("names: what may be one, everywhere", () => {
  const good = [
    "a",
    "a b.txt",
    "folder/file",
    "..a",
    "a..",
    "...",
    ".hidden",
    "a/.shoal",
    ".shoals",
    "~",
    "-rf",
    NFC,
    "日本語/ファイル",
    "👍",
    "x".repeat(255),
    Array(64).fill("x").join("/"),
    "a\\b",
    "C:",
    "a:b",
  ];
  for (const name of good) assertEquals(whyUnsafe(name, "linux"), undefined, name);
});

Deno.test("names: what may not be one, anywhere", () => {
  const bad: [name: string, why: string][] = [
    ["", "empty"],
    ["/", "absolute"],
    ["/etc/passwd", "absolute"],
    ["//a", "absolute"],
    ["C:/a", "absolute"],
    ["c:\\a", "absolute"],
    [".", "the part ."],
    ["..", "the part .."],
    ["../a", "the part .."],
    ["a/../b", "the part .."],
    ["a/..", "the part .."],
    ["a/./b", "the part ."],
    ["a//b", "a part of it is empty"],
    ["a/", "a part of it is empty"],
    ["a\0b", "control"],
    ["a\nb", "control"],
    ["a\x1b[31mb", "control"],
    ["a\x7fb", "control"],
    ["a\u0085b", "control"],
    ["\ud800", "Unicode"],
    ["a\udc00b", "Unicode"],
    [NFD, "NFC"],
    ["x".repeat(256), "255 bytes"],
    ["é".repeat(128), "255 bytes"],
    [Array(65).fill("x").join("/"), "64 parts"],
    ["x/".repeat(512) + "x", "1024 bytes"],
    ["é/".repeat(400) + "é", "1024 bytes"],
    ["x".repeat(1_000_000), "1024 bytes"],
    [".shoal", "Shoal's own"],
    [".shoal/identity.pem", "Shoal's own"],
    [".SHOAL/state.db", "Shoal's own"],
    [".Shoal", "Shoal's own"],
    [".\u017fhoal/state.db", "Shoal's own"], // a long s, which some file systems take for an s
  ];
  for (const os of ["linux", "darwin", "windows"]) {
    for (const [name, why] of bad) {
      const reason = whyUnsafe(name, os);
      assert(reason?.includes(why), `${JSON.stringify(name.slice(0, 40))} on ${os}: ${reason}`);
    }
  }
});

Deno.test("names: what may not be one on Windows", () => {
  const bad = [
    ...["a\\b", "..\\a", "a:b", "a.txt:stream", "C:", "a*", "a?", "a<b", "a>b", 'a"b', "a|b"],
    ...["a.", "a ", "a./b", "a /b", "...", "CON", "con", "con.txt", "NUL.tar.gz", "a/aux", "prn"],
    ...["COM1", "com9.log", "COM¹", "lpt0", "LPT³.x", "CONIN$", "conout$", ".shoal.", ".shoal "],
    ...["SHOAL~1/identity.pem", "shoal~2"],
  ];
  for (const name of bad) assertNotEquals(whyUnsafe(name, "windows"), undefined, name);
  const good = ["console", "com", "com10", "nul_", "a.b", "lpt", "auxiliary/x", "a'b", "shoal~"];
  for (const name of good) assertEquals(whyUnsafe(name, "windows"), undefined, name);
});

Deno.test("names: the error says which name and why, on one short line", async () => {
  await faultOf("usage", () => safeName("../a"), 'Cannot use "../a": it has the part ..');
  const fault = await faultOf("usage", () => safeName("x\n".repeat(500_000)));
  assert(fault.message.length < 300);
});

/** Names made of the pieces that trouble is made of. */
const trouble = fc.array(
  fc.oneof(
    fc.constantFrom(
      "..",
      ".",
      "/",
      "\\",
      "//",
      "~",
      "C:",
      "%2e%2e",
      "\0",
      "\n",
      ".shoal",
      NFD,
      " ",
    ),
    fc.string({ unit: "binary", maxLength: 6 }),
  ),
  { maxLength: 8 },
).map((parts) => parts.join(""));

Deno.test("names: whatever is accepted lies inside DIR, outside the state folder", () => {
  fc.assert(
    fc.property(fc.oneof(trouble, fc.string({ unit: "binary" })), (name) => {
      for (const os of ["linux", "windows"]) {
        if (whyUnsafe(name, os) !== undefined) continue;
        const path = resolve("/srv/files", name);
        assert(path.startsWith("/srv/files/"), path);
        assert(!isInside("/srv/files/.shoal", path), path);
      }
      try {
        const path = pathOf("/srv/files", name);
        assertEquals(resolve(path), path, "there is one way to write it");
        assertEquals(safeName(name), name, "what was accepted stays so");
        assertEquals(name.normalize("NFC"), name);
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        assertEquals(error.kind, "usage");
      }
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("isInside: a folder whose name begins alike is outside", () => {
  assert(isInside("/a/b", "/a/b") && isInside("/a/b", "/a/b/c") && isInside("/", "/a"));
  assert(!isInside("/a/b", "/a/bc") && !isInside("/a/b", "/a") && !isInside("/a/b", "/"));
});

// Hashing

Deno.test("hash: id and tree of a file, at every boundary", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  const sizes = [0, 1, 65_535, 65_536, 65_537, MIB - 1, MIB, MIB + 1, 4 * MIB, 6 * MIB + 65_537];
  for (const size of sizes) {
    const content = patterned(size, size + 1);
    const path = await folder.write("file", content);
    const { id, stamp } = await hashFile(path, state.digests);
    assertEquals(id, referenceIdOf(content), `${size}`);
    assertEquals(stamp.size, size);
    const page = state.digests.page(id, 0, 0);
    assertSameBytes(page!, referenceDigests(content), `page of ${size}`);
    assertEquals(state.digests.page(id, 1, 0), undefined);
  }
});

Deno.test("hash: a file of 2,048 chunks has one page, one chunk more makes three", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  const content = patterned(2_048 * 65_536 + 1);
  for (const size of [content.length - 1, content.length]) {
    const path = await folder.write("file", content.subarray(0, size));
    const { id } = await hashFile(path, state.digests);
    const { levels, top } = referenceTree(referenceDigests(content.subarray(0, size)));
    assertEquals(levels.length, size === content.length ? 2 : 1);
    for (const [level, pages] of levels.entries()) {
      for (const [page, bytes] of pages.entries()) {
        assertSameBytes(state.digests.page(id, level, page)!, bytes);
      }
    }
    assert(top.length > 0);
  }
});

Deno.test("hash: progress is told in order, up to the whole", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  const path = await folder.write("file", patterned(3 * MIB));
  const told: number[] = [];
  await hashFile(path, state.digests, {
    onProgress: (hashed, size) => {
      assertEquals(size, 3 * MIB);
      told.push(hashed);
    },
  });
  assertEquals(told, [MIB, 2 * MIB, 3 * MIB]);
});

/** What a file suffers while it is hashed. */
const changes: Record<string, (path: string) => void> = {
  "grows": (path) => Deno.writeFileSync(path, new Uint8Array(1), { append: true }),
  "shrinks": (path) => Deno.truncateSync(path, 7 * MIB),
  "is emptied": (path) => Deno.truncateSync(path, 0),
  "is written to": (path) => {
    using file = Deno.openSync(path, { write: true });
    file.writeSync(new Uint8Array([1]));
  },
  "is touched": (path) => Deno.utimeSync(path, 1, 1),
  "is removed": (path) => Deno.removeSync(path),
  "is replaced": (path) => {
    Deno.copyFileSync(path, `${path}.new`);
    Deno.renameSync(`${path}.new`, path);
  },
};

for (const [what, change] of Object.entries(changes)) {
  Deno.test({
    name: `hash: a file that ${what} meanwhile is refused, and no page is kept`,
    ...posixOnly,
    fn: async () => {
      await using folder = await TempFolder.create();
      using state = new State(folder.at("state.db"));
      const path = await folder.write("file", patterned(8 * MIB));
      let changed = false;
      const onProgress = () => {
        if (!changed) change(path);
        changed = true;
      };
      const hashing = state.cache.identify(path, { onProgress });
      await faultOf("disk", hashing, `Cannot share ${path}: it changed while it was being hashed`);
      assertEquals(state.keptFor(), []);
      assertEquals(state.cache.lookup(path), undefined);
    },
  });
}

Deno.test("hash: it stops when it is told to, and no page is kept", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  const path = await folder.write("file", patterned(8 * MIB));
  const abort = new AbortController();
  const reason = new Fault("deadline", "too late");
  const options: HashOptions = { signal: abort.signal, onProgress: () => abort.abort(reason) };
  assertStrictEquals(await faultOf("deadline", hashFile(path, state.digests, options)), reason);
  assertEquals(state.keptFor(), []);
});

Deno.test({
  name: "hash: what is no regular file is refused, and never opened",
  ...posixOnly,
  fn: async () => {
    await using folder = await TempFolder.create();
    using state = new State(folder.at("state.db"));
    await folder.mkdir("folder");
    await new Deno.Command("mkfifo", { args: [folder.at("fifo")] }).output();
    using _socket = Deno.listen({ transport: "unix", path: folder.at("socket") });
    await Deno.symlink(folder.at("loop"), folder.at("loop"));
    await Deno.symlink(folder.at("nothing"), folder.at("dangling"));
    const table: [path: string, kind: "usage" | "disk", why: string][] = [
      [folder.at("folder"), "usage", "it is a folder"],
      [folder.at("fifo"), "usage", "it is not a regular file"],
      [folder.at("socket"), "usage", "it is not a regular file"],
      ["/dev/null", "usage", "it is not a regular file"],
      [folder.at("missing"), "usage", "no such file"],
      [folder.at("dangling"), "usage", "no such file"],
      [folder.at("missing/file"), "usage", "no such file"],
      [folder.at("state.db/file"), "usage", "no such file"],
      [folder.at("loop"), "disk", "too many links"],
      [folder.at("x".repeat(300)), "disk", "the path is too long"],
    ];
    for (const [path, kind, why] of table) {
      await faultOf(kind, hashFile(path, state.digests), `Cannot share ${path}: ${why}`);
      await faultOf(
        kind,
        state.cache.identify(path, { what: "compare" }),
        `Cannot compare ${path}`,
      );
    }
    assertEquals(state.keptFor(), []);
  },
});

Deno.test("hash cache: an unchanged file is not read again, not even after a restart", async () => {
  await using folder = await TempFolder.create();
  const path = await folder.write("file", patterned(100_000));
  let first: string;
  {
    using state = new State(folder.at("state.db"));
    const fresh = await state.cache.identify(path);
    assert(fresh.hashed);
    const again = await state.cache.identify(path);
    assertEquals([again.id, again.hashed], [fresh.id, false]);
    first = fresh.id;
  }
  using state = new State(folder.at("state.db"));
  const after = await state.cache.identify(path);
  assertEquals([after.id, after.hashed], [first, false]);
  assertSameBytes(state.digests.page(first, 0, 0)!, referenceDigests(patterned(100_000)));
});

Deno.test("hash cache: a changed size, time or inode is noticed", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  const path = await folder.write("file", "first");
  await Deno.utime(path, 1_000, 1_000);
  const { id } = await state.cache.identify(path);

  await folder.write("file", "longer");
  await Deno.utime(path, 1_000, 1_000);
  const longer = await state.cache.identify(path);
  assert(longer.hashed && longer.id !== id, "size");

  await folder.write("file", "LONGER");
  await Deno.utime(path, 1_000, 1_001);
  const touched = await state.cache.identify(path);
  assert(touched.hashed && touched.id !== longer.id, "time");

  const other = await folder.write("other", "lOnGeR");
  await Deno.utime(other, 1_000, 1_001);
  await Deno.rename(other, path);
  const replaced = await state.cache.identify(path);
  assert(replaced.hashed && replaced.id !== touched.id, "inode");
  assert(!(await state.cache.identify(path)).hashed);
});

Deno.test("hash cache: times differ by their nanoseconds", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  const path = await folder.write("file", "same");
  const { stamp } = await state.cache.identify(path);
  state.cache.remember(path, ID, { ...stamp, mtimeNs: stamp.mtimeNs + 1n });
  const looked = await state.cache.identify(path);
  assert(looked.hashed && looked.id !== ID);
});

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
  const module = new URL("../src/store/state_database.ts", import.meta.url).href;
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
  await faultOf("disk", () => StateDatabase.open(path), `Cannot use ${path}: `);
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

Deno.test("digest store: pages of a draft are under the id once it is settled", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  const draft = state.digests.draft();
  draft.put(0, 0, patterned(64, 1));
  draft.put(0, 1, patterned(32, 2));
  draft.put(1, 0, patterned(64, 3));
  assertEquals(state.digests.page(ID, 0, 0), undefined);
  draft.settle(ID);
  assertSameBytes(state.digests.page(ID, 0, 0)!, patterned(64, 1));
  assertSameBytes(state.digests.page(ID, 0, 1)!, patterned(32, 2));
  assertSameBytes(state.digests.page(ID, 1, 0)!, patterned(64, 3));
  assertEquals(state.keptFor(), [ID]);
});

Deno.test("digest store: settled twice, or known before, leaves one set of pages", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  for (let round = 0; round < 2; round++) {
    const draft = state.digests.draft();
    draft.put(0, 0, patterned(64));
    draft.settle(ID);
    draft.settle(ID);
    draft.discard();
    assertEquals(state.keptFor(), [ID]);
    assertSameBytes(state.digests.page(ID, 0, 0)!, patterned(64));
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
  assertSameBytes(state.digests.page(ID, 0, 0)!, patterned(32, 2));
  assertEquals(state.keptFor(), [ID]);
});

Deno.test("digest store: an empty page is kept as such", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  state.digests.put(ID, 0, 0, new Uint8Array());
  assertEquals(state.digests.page(ID, 0, 0)?.length, 0);
});

Deno.test("digest store: what nothing refers to is removed at the next start", async () => {
  await using folder = await TempFolder.create();
  const path = await folder.write("file", "content");
  let id: string;
  {
    using state = new State(folder.at("state.db"));
    id = (await state.cache.identify(path)).id;
    state.digests.draft().put(0, 0, patterned(32));
    state.digests.put(ID, 0, 0, patterned(32));
    assertEquals(state.keptFor().length, 3);
  }
  using state = new State(folder.at("state.db"));
  assertEquals(state.keptFor(), [id]);
});

// Library

Deno.test("library: shares and what was served outlive a restart", async () => {
  await using folder = await TempFolder.create();
  const path = await folder.write("file", "content");
  let before;
  {
    using state = new State(folder.at("state.db"));
    const share = await state.share(path, "folder/file");
    share.served = 12_345;
    state.library.saveCounts();
    before = { ...share, stamp: stampAt(path) };
  }
  using state = new State(folder.at("state.db"));
  const after = state.library.get("folder/file");
  assertEquals({ ...after, announcement: { ...after?.announcement } }, before);
  assertStrictEquals(state.library.withId(before.announcement.id), after);
  assertEquals([...state.library.announcements()].length, 1);
});

Deno.test("library: a share whose content is no longer known comes back unavailable", async () => {
  await using folder = await TempFolder.create();
  const path = await folder.write("file", "content");
  {
    using state = new State(folder.at("state.db"));
    const { stamp } = await state.share(path, "file");
    state.cache.remember(path, ID, stamp);
  }
  using state = new State(folder.at("state.db"));
  const share = state.library.get("file")!;
  assert(!share.available);
  assertEquals(state.library.withId(share.announcement.id), undefined);
  assertEquals([...state.library.announcements()], []);
  assertEquals(state.library.list().length, 1, "it is still remembered");
});

Deno.test("library: one content under several names is there until the last is gone", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  const { library } = state;
  const path = await folder.write("file", "content");
  const { announcement: { id } } = await state.share(path, "b");
  await state.share(path, "a");
  assertEquals(library.list().map(({ announcement }) => announcement.name), ["a", "b"]);
  assertEquals(library.remove("b")?.announcement.name, "b");
  assertEquals(library.withId(id)?.announcement.name, "a");
  library.get("a")!.available = false;
  assertEquals(library.withId(id), undefined);
  library.remove("a");
  assertEquals([library.get("a"), library.withId(id), library.remove("a")], [
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("library: a name shared anew takes the old one's place, and its count if it is the same", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  const { library } = state;
  const path = await folder.write("file", "content");
  const old = await state.share(path, "file");
  old.served = 7;
  const { announcement, stamp } = old;
  assertStrictEquals(library.add({ ...announcement, time: 1 }, path, stamp), old);
  assertEquals(library.get("file")?.served, 7);
  library.add(announcementOf({ name: "file", id: ID, size: 7 }), path, stamp);
  assertEquals(library.get("file")?.served, 0);
  assertEquals(library.withId(announcement.id), undefined);
  assertEquals(library.list().length, 1);
});

Deno.test("library: names of prototypes and of SQL are names like others", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  const path = await folder.write("file", "content");
  for (const name of ["__proto__", "constructor", "'; DROP TABLE shares; --"]) {
    assertEquals(state.library.get(name), undefined);
    await state.share(path, name);
    assertEquals(state.library.get(name)?.announcement.name, name);
  }
});

// What a word on the command line means

/** DIR with a file in it and in a folder; a place outside with another. */
async function shareWorld() {
  const folder = await TempFolder.create();
  await folder.write("dir/in.txt", "in");
  await folder.write("dir/sub/deep.txt", "deep");
  await folder.write("out/out.txt", "out");
  const at = (name: string) => folder.at(name);
  const [dir, cwd] = [at("dir"), at("out")];
  return {
    folder,
    at,
    dir,
    resolve: (file: string, from = cwd) => resolveShare(file, { dir, cwd: from }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

Deno.test("share: a name under DIR, a path from here, a path from the root", async () => {
  await using world = await shareWorld();
  const { at, resolve, dir } = world;
  const table: [file: string, name: string, path: string, cwd?: string][] = [
    ["in.txt", "in.txt", "dir/in.txt"],
    ["sub/deep.txt", "sub/deep.txt", "dir/sub/deep.txt"],
    ["sub//deep.txt", "sub/deep.txt", "dir/sub/deep.txt"],
    ["./in.txt", "in.txt", "dir/in.txt"],
    ["out.txt", "out.txt", "out/out.txt"],
    ["../dir/sub/deep.txt", "sub/deep.txt", "dir/sub/deep.txt"],
    ["deep.txt", "sub/deep.txt", "dir/sub/deep.txt", at("dir/sub")],
    ["../../out/out.txt", "out.txt", "out/out.txt", at("dir/sub")],
    [`${dir}/in.txt`, "in.txt", "dir/in.txt"],
    [`${dir}/sub/../in.txt`, "in.txt", "dir/in.txt"],
    [at("out/out.txt"), "out.txt", "out/out.txt"],
  ];
  for (const [file, name, path, cwd] of table) {
    assertEquals(await resolve(file, cwd), { name, path: at(path) }, file);
  }
});

Deno.test("share: DIR comes before the current folder", async () => {
  await using world = await shareWorld();
  await world.folder.write("out/in.txt", "another");
  assertEquals((await world.resolve("in.txt")).path, world.at("dir/in.txt"));
  assertEquals((await world.resolve("../out/in.txt")).path, world.at("out/in.txt"));
});

Deno.test("share: a path with .. is taken from here, not from DIR", async () => {
  await using world = await shareWorld();
  await world.folder.write("secret.txt", "beside DIR");
  await world.folder.mkdir("out/below");
  await faultOf("usage", world.resolve("../secret.txt", world.at("out/below")), "no such file");
  await world.folder.write("out/secret.txt", "meant");
  const { path } = await world.resolve("../secret.txt", world.at("out/below"));
  assertEquals(path, world.at("out/secret.txt"));
});

Deno.test("share: DIR reached over a link is DIR", async () => {
  await using world = await shareWorld();
  await Deno.symlink(world.dir, world.at("link"));
  const expected = { name: "sub/deep.txt", path: world.at("dir/sub/deep.txt") };
  assertEquals(await world.resolve(world.at("link/sub/deep.txt")), expected);
  assertEquals(await world.resolve("deep.txt", world.at("link/sub")), expected);
});

Deno.test("share: links within DIR are followed, those that leave it refused", async () => {
  await using world = await shareWorld();
  const { at, resolve } = world;
  await Deno.symlink(at("dir/sub/deep.txt"), at("dir/inner"));
  await Deno.symlink(at("out/out.txt"), at("dir/outer"));
  await Deno.symlink(at("dir/outer"), at("dir/twice"));
  await Deno.symlink(at("nothing"), at("dir/dangling"));
  await Deno.symlink(at("dir/sub"), at("dir/folder"));
  await Deno.symlink(at("out"), at("dir/exit"));
  await Deno.symlink(at("out/out.txt"), at("out/link"));
  assertEquals(await resolve("inner"), { name: "inner", path: at("dir/sub/deep.txt") });
  assertEquals((await resolve("folder/deep.txt")).path, at("dir/sub/deep.txt"));
  await faultOf("usage", resolve("outer"), "a link that leaves");
  await faultOf("usage", resolve("twice"), "a link that leaves");
  await faultOf("usage", resolve(at("dir/outer")), "a link that leaves");
  await faultOf("usage", resolve("exit/out.txt"), "a link that leaves");
  await faultOf("usage", resolve("dangling"), "no such file");
  // Outside of DIR, a link is what it leads to.
  assertEquals(await resolve("link"), { name: "link", path: at("out/out.txt") });
});

Deno.test("share: what can't be a name is refused, on one line", async () => {
  await using world = await shareWorld();
  const { folder, resolve } = world;
  await folder.write("dir/new\nline", "x");
  await folder.write("out/\x1b[31mred", "x");
  await folder.write("dir/.shoal/state.db", "x");
  const table: [file: string, text: string][] = [
    ["", "it is empty"],
    ["a\0b", "NUL"],
    ["missing", "no such file"],
    ["in.txt/", "no such file"],
    ["in.txt/x", "no such file"],
    ["new\nline", "control character"],
    ["\x1b[31mred", "control character"],
    [".shoal/state.db", "Shoal's own"],
    ["x".repeat(5_000), "no such file"],
    ["x\n".repeat(5_000), "no such file"],
  ];
  for (const [file, text] of table) {
    const fault = await faultOf("usage", resolve(file), text);
    assert(fault.message.length < 500, `${fault.message.length}`);
  }
  await faultOf("usage", resolve("."));
  await faultOf("usage", resolve(world.dir));
});

Deno.test("share: a name that is decomposed on disk is announced composed", async () => {
  await using world = await shareWorld();
  await world.folder.write(`dir/${NFD}/${NFD}`, "x");
  await world.folder.write(`out/o-${NFD}`, "x");
  const inside = await world.resolve(`${NFD}/${NFD}`);
  assertEquals(inside.name, `${NFC}/${NFC}`);
  assertEquals(await Deno.readTextFile(inside.path), "x");
  assertEquals((await world.resolve(`o-${NFD}`)).name, `o-${NFC}`);
});

// Reading what is shared

Deno.test("shared reader: any part of an unchanged file", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  const content = patterned(200_000);
  const path = await folder.write("file", content);
  const stamp = stampAt(path);
  for (const [from, length] of [[0, 1], [199_999, 1], [65_536, 65_536], [0, 200_000], [5, 0]]) {
    const into = new Uint8Array(length);
    assert(state.reader.read(path, stamp, from, into));
    assertSameBytes(into, content.subarray(from, from + length));
  }
  assert(!state.reader.read(path, stamp, 199_999, new Uint8Array(2)), "beyond the end");
});

for (const [what, change] of Object.entries(changes)) {
  Deno.test({
    name: `shared reader: a file that ${what} while it is open is not served`,
    ...posixOnly,
    fn: async () => {
      await using folder = await TempFolder.create();
      using state = new State(folder.at("state.db"));
      const path = await folder.write("file", new Uint8Array(8 * MIB).fill(7));
      await Deno.utime(path, 1_000, 1_000);
      const stamp = stampAt(path);
      const into = new Uint8Array(10);
      assert(state.reader.read(path, stamp, 0, into));
      change(path);
      assert(!state.reader.read(path, stamp, 0, into), "at once");
      assert(!state.reader.read(path, stamp, 0, into), "and from then on");
    },
  });
}

Deno.test("shared reader: it serves again what was put back, and forgets when told to", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  const path = await folder.write("file", "content");
  const stamp = stampAt(path);
  const into = new Uint8Array(7);
  await Deno.rename(path, folder.at("away"));
  assert(!state.reader.read(path, stamp, 0, into));
  await Deno.rename(folder.at("away"), path);
  assert(state.reader.read(path, stamp, 0, into));
  state.reader.forget(path);
  state.reader.forget(path);
  assert(state.reader.read(path, stamp, 0, into));
});

Deno.test({
  name: "shared reader: however many files are served, few are open",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using folder = await TempFolder.create();
    const state = new State(folder.at("state.db"));
    const files = await folder.mkdir("files");
    const into = new Uint8Array(1);
    const stamps = new Map<string, FileStamp>();
    for (let n = 0; n < 200; n++) {
      const path = await folder.write(`files/${n}`, "x");
      stamps.set(path, stampAt(path));
    }
    const favourite = `${files}/0`;
    for (const [path, stamp] of stamps) {
      assert(state.reader.read(path, stamp, 0, into));
      assert(state.reader.read(favourite, stamps.get(favourite)!, 0, into));
      assert(openIn(files) <= 64);
    }
    assertEquals(openIn(files), 64);
    state[Symbol.dispose]();
    assertEquals(openIn(folder.path), 0);
  },
});

// Downloads

const CHUNK = 65_536;

/** The largest partial that is written on the caller's own thread. */
const SMALL = MIB;

/** A partial with `content`, stored in three parts out of order; `disk` matters for large ones. */
async function partialOf(folder: TempFolder, content: Bytes, disk = new Disk()) {
  const size = content.length;
  const partial = PartialFile.create(folder.at("partials"), { id: ID, size }, disk);
  const [a, b] = [Math.floor(size / 3), Math.floor(size / 2)];
  const stored = await Promise.all([
    partial.store(b, payloadOf(content.slice(b))),
    partial.store(0, payloadOf(content.slice(0, a))),
    partial.store(a, payloadOf(content.slice(a, b))),
  ]);
  assertEquals(stored.flatMap(({ bad }) => bad), []);
  return partial;
}

const MTIME = 1_700_000_000_123;
const keep = { mtime: MTIME, overwrite: false };
const replace = { mtime: MTIME, overwrite: true };

Deno.test("partial: exactly its bytes come out, with their time, and nothing is left", async () => {
  await using folder = await TempFolder.create();
  using disk = new CountedDisk();
  for (const size of [0, 1, 65_537, SMALL - 1, SMALL, SMALL + 1, 3 * MIB]) {
    const content = patterned(size, size + 1);
    const partial = await partialOf(folder, content, disk);
    assert(partial.path.startsWith(folder.at("partials/")));
    assert(partial.path.endsWith(".part"));
    const destination = folder.at(`file-${size}`);
    const stamp = await partial.publish(destination, keep);
    await partial.discard();
    assertSameBytes(await Deno.readFile(destination), content);
    const { mtimeNs, inode } = stampAt(destination);
    assertEquals({ ...stamp, unlinked: false }, { size, mtimeNs, inode, unlinked: false });
    assertEquals([...Deno.readDirSync(folder.at("partials"))].length, 0);
  }
});

Deno.test("partial: only what is larger than a mebibyte is worth a thread", async () => {
  await using folder = await TempFolder.create();
  using disk = new CountedDisk();
  for (const size of [0, 1, SMALL - 1, SMALL]) await partialOf(folder, patterned(size), disk);
  assertEquals([disk.starts, disk.stores], [0, 0]);
  await partialOf(folder, patterned(SMALL + 1), disk);
  assertEquals([disk.starts, disk.stores], [1, 3]);
});

Deno.test("partial: a wrong chunk is told and not written, in a small file and a large", async () => {
  await using folder = await TempFolder.create();
  using disk = new CountedDisk();
  for (const size of [3 * CHUNK + 1, 20 * CHUNK + 1]) {
    const content = patterned(size);
    const partial = PartialFile.create(folder.at("partials"), { id: ID, size }, disk);
    const last = Math.floor(size / CHUNK);
    const stored = await partial.store(0, payloadOf(content, [1, last]));
    assertEquals(stored.bad, [1, last]);
    const expected = content.slice(0, last * CHUNK);
    expected.fill(0, CHUNK, 2 * CHUNK);
    assertSameBytes(await Deno.readFile(partial.path), expected);
    for (const at of [last, 1]) {
      const part = content.slice(at * CHUNK, (at + 1) * CHUNK);
      await partial.store(at * CHUNK, payloadOf(part));
    }
    await partial.publish(folder.at(`${size}`), keep);
    assertSameBytes(await Deno.readFile(folder.at(`${size}`)), content);
  }
});

Deno.test("partial: one that somebody removed is a disk fault, in a store as in the end", async () => {
  await using folder = await TempFolder.create();
  using disk = new CountedDisk();
  for (const size of [1_000, SMALL + 1]) {
    const content = patterned(size);
    const partial = PartialFile.create(folder.at("partials"), { id: ID, size }, disk);
    await Deno.remove(partial.path);
    const cannot = `Cannot write ${partial.path}: no such file`;
    await faultOf("disk", partial.store(0, payloadOf(content)), cannot);
    await faultOf("disk", partial.publish(folder.at("file"), keep), cannot);
    await partial.discard();
    assertEquals(folder.list(), ["partials"]);
  }
});

Deno.test({
  name: "partial: published or discarded, it is open no more",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using folder = await TempFolder.create();
    using disk = new CountedDisk();
    for (const size of [1_000, SMALL + 1]) {
      const published = await partialOf(folder, patterned(size), disk);
      const discarded = await partialOf(folder, patterned(size), disk);
      await published.publish(folder.at("file"), replace);
      await discarded.discard();
      assertEquals(openIn(folder.path), 0);
    }
  },
});

Deno.test("partial: a time is kept to the millisecond", async () => {
  await using folder = await TempFolder.create();
  const times = [0, 1, 999, MTIME, MTIME + 1, 1_735_689_599_999, 4_102_444_800_001];
  for (const mtime of [...times, ...fc.sample(fc.nat({ max: 4e12 }), 50)]) {
    const partial = await partialOf(folder, patterned(3));
    await partial.publish(folder.at("file"), { mtime, overwrite: true });
    assertEquals(mtimeOf(stampAt(folder.at("file"))), mtime);
  }
});

Deno.test("partial: a time before 1970 counts as 1970", () => {
  assertEquals(mtimeOf({ size: 0, mtimeNs: -5_000_000n, inode: 1n }), 0);
});

Deno.test({
  name: "partial: only its owner may look at the folder",
  ...posixOnly,
  fn: async () => {
    await using folder = await TempFolder.create();
    const about = { id: ID, size: 1 };
    const partial = PartialFile.create(folder.at("deep/partials"), about, new Disk());
    assertEquals((await Deno.stat(folder.at("deep/partials"))).mode! & 0o777, 0o700);
    await partial.discard();
  },
});

Deno.test("partial: two of the same file don't meet", async () => {
  await using folder = await TempFolder.create();
  using disk = new CountedDisk();
  for (const size of [1_000, SMALL + 1]) {
    const [one, two] = await Promise.all(
      [1, 2].map((seed) => partialOf(folder, patterned(size, seed), disk)),
    );
    assertNotEquals(one.path, two.path);
    await one.publish(folder.at("one"), replace);
    await two.publish(folder.at("two"), replace);
    assertSameBytes(await Deno.readFile(folder.at("one")), patterned(size, 1));
    assertSameBytes(await Deno.readFile(folder.at("two")), patterned(size, 2));
  }
});

Deno.test("partial: discarded, it leaves nothing, however often", async () => {
  await using folder = await TempFolder.create();
  using disk = new CountedDisk();
  for (const size of [1_000, SMALL + 1]) {
    const partial = await partialOf(folder, patterned(size), disk);
    await partial.discard();
    await partial.discard();
    assertEquals(folder.list(), ["partials"]);
    await faultOf("disk", partial.store(0, payloadOf(patterned(1))));
    assertEquals(folder.list(), ["partials"]);
  }
});

Deno.test("partial: a file larger than the disk is refused before it is begun", async () => {
  await using folder = await TempFolder.create();
  using disk = new CountedDisk();
  const about = { id: ID, size: Number.MAX_SAFE_INTEGER };
  const create = () => PartialFile.create(folder.at("partials"), about, disk);
  await faultOf("disk", create, "are free");
  assertEquals(folder.list(), ["partials"]);
});

Deno.test("partial: a folder that can't be made is a disk fault", async () => {
  await using folder = await TempFolder.create();
  await folder.write("partials", "a file");
  for (const place of ["partials", "partials/in/a/file"]) {
    const create = () => PartialFile.create(folder.at(place), { id: ID, size: 1 }, new Disk());
    await faultOf("disk", create, "Cannot write");
  }
  assertEquals(folder.list(), ["partials"]);
});

/** The other file system that this machine may have, for moves across. */
const OTHER = "/dev/shm";

/** True when `path` lies on another device than temporary files do. */
function elsewhere(path: string): boolean {
  try {
    const temporary = Deno.makeTempDirSync();
    const differs = Deno.statSync(temporary).dev !== Deno.statSync(path).dev;
    Deno.removeSync(temporary);
    return differs;
  } catch {
    return false;
  }
}

/** The same rules hold within one file system and across two. */
function publishContract(what: string, { parent, ignore }: { parent?: string; ignore: boolean }) {
  const test = (name: string, fn: (from: TempFolder, to: TempFolder) => Promise<void>) =>
    Deno.test({
      name: `publish ${what}: ${name}`,
      ignore,
      fn: async () => {
        await using from = await TempFolder.create();
        await using to = await TempFolder.create(parent);
        await fn(from, to);
      },
    });

  test("the whole file, its time, nothing else", async (from, to) => {
    const content = patterned(SMALL + 1);
    using disk = new CountedDisk();
    const stamp = await (await partialOf(from, content, disk)).publish(to.at("file"), keep);
    assertSameBytes(await Deno.readFile(to.at("file")), content);
    const now = stampAt(to.at("file"));
    assertEquals([stamp.size, stamp.mtimeNs, stamp.inode], [now.size, now.mtimeNs, now.inode]);
    assertEquals(mtimeOf(now), MTIME);
    assertEquals([from.list(), to.list()], [["partials"], ["file"]]);
  });

  test("what stands there stays, unless it may be replaced", async (from, to) => {
    await to.write("file", "precious");
    const partial = await partialOf(from, patterned(10));
    await faultOf("destination", partial.publish(to.at("file"), keep), "it exists already");
    assertEquals(await Deno.readTextFile(to.at("file")), "precious");
    assertEquals(to.list(), ["file"]);
    await partial.discard();
    assertEquals(from.list(), ["partials"]);
    await (await partialOf(from, patterned(10))).publish(to.at("file"), replace);
    assertSameBytes(await Deno.readFile(to.at("file")), patterned(10));
    assertEquals(to.list(), ["file"]);
  });

  test("what appears at the last moment stays too", async (from, to) => {
    const partial = await partialOf(from, patterned(10));
    const publishing = partial.publish(to.at("file"), keep);
    Deno.writeTextFileSync(to.at("file"), "precious");
    await faultOf("destination", publishing, "it exists already");
    await partial.discard();
    assertEquals(await Deno.readTextFile(to.at("file")), "precious");
    assertEquals([from.list(), to.list()], [["partials"], ["file"]]);
  });

  test("of many at once, one is there, whole", async (from, to) => {
    const partials = await Promise.all(
      Array.from({ length: 8 }, (_, n) => partialOf(from, patterned(MIB, n + 1))),
    );
    const results = await Promise.allSettled(
      partials.map((one) => one.publish(to.at("file"), keep)),
    );
    for (const partial of partials) await partial.discard();
    const winners = results.flatMap((one, at) => one.status === "fulfilled" ? [at] : []);
    assertEquals(winners.length, 1);
    assertSameBytes(await Deno.readFile(to.at("file")), patterned(MIB, winners[0] + 1));
    assertEquals([from.list(), to.list()], [["partials"], ["file"]]);
  });

  test("a folder is never replaced", async (from, to) => {
    await to.write("folder/file", "precious");
    for (const options of [keep, replace]) {
      const partial = await partialOf(from, patterned(10));
      await faultOf("destination", partial.publish(to.at("folder"), options));
      await partial.discard();
    }
    assertEquals([from.list(), to.list()], [["partials"], ["folder", "folder/file"]]);
  });

  test("a link is replaced, what it leads to is not", async (from, to) => {
    await to.write("target", "precious");
    await Deno.symlink(to.at("target"), to.at("link"));
    await Deno.symlink(to.at("nothing"), to.at("dangling"));
    for (const link of ["link", "dangling"]) {
      const partial = await partialOf(from, patterned(10));
      await faultOf("destination", partial.publish(to.at(link), keep));
      await partial.discard();
    }
    await (await partialOf(from, patterned(10))).publish(to.at("link"), replace);
    assert((await Deno.lstat(to.at("link"))).isFile);
    assertEquals(await Deno.readTextFile(to.at("target")), "precious");
    assertEquals(to.list(), ["dangling", "link", "target"]);
  });

  test("a folder that is missing is a fault, and nothing is left", async (from, to) => {
    const partial = await partialOf(from, patterned(10));
    await faultOf("usage", partial.publish(to.at("missing/file"), keep), "Cannot write");
    await partial.discard();
    assertEquals([from.list(), to.list()], [["partials"], []]);
  });
}

publishContract("within a file system", { ignore: false });
const across = elsewhere(OTHER);
const note = across ? "" : ` (needs ${OTHER} on another device)`;
publishContract(`across file systems${note}`, { parent: OTHER, ignore: !across });

Deno.test("publish: a source that is gone is a fault", async () => {
  await using folder = await TempFolder.create();
  await faultOf("usage", publishFile(folder.at("gone"), folder.at("file"), false), "Cannot write");
  assertEquals(folder.list(), []);
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
  assertEquals((await openStateFolder(missing, true)).dir, missing);
});

Deno.test("state folder: a file, or a link in its place, is refused", async () => {
  await using folder = await TempFolder.create();
  const file = await folder.write("file", "x");
  await faultOf("usage", openStateFolder(file), "it is a file");
  const dir = await folder.mkdir("dir");
  await folder.mkdir("trap");
  await Deno.symlink(folder.at("trap"), folder.at("dir/.shoal"));
  await faultOf("usage", openStateFolder(dir), "it is not a folder");
  assertEquals(folder.list().filter((name) => name.startsWith("trap/")), []);
});

Deno.test("state folder: DIR over a link is the same DIR", async () => {
  await using folder = await TempFolder.create();
  const dir = await folder.mkdir("dir");
  await Deno.symlink(dir, folder.at("link"));
  assertEquals((await openStateFolder(folder.at("link"))).dir, dir);
});
