import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { FileStamp } from "../../../src/store/disk/file_stamp.ts";
import { assertSameBytes, patterned } from "../../support/bytes.ts";
import { changes } from "../../support/changes.ts";
import { openIn } from "../../support/open_in.ts";
import { stampAt } from "../../support/stamp_at.ts";
import { announcementOf, State } from "../../support/state.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { noLinux, noPosix, skippedIf } from "../../support/tools.ts";

const MIB = 1 << 20;
const ID = "0123456789abcdef".repeat(4);

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
  assertStrictEquals(library.add({ ...announcement, time: 1 }, { path, stamp }), old);
  assertEquals(library.get("file")?.served, 7);
  library.add(announcementOf({ name: "file", id: ID, size: 7 }), { path, stamp });
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
    ...skippedIf(noPosix, `shared reader: a file that ${what} while it is open is not served`),
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
  let stamp = stampAt(path);
  const into = new Uint8Array(7);
  await Deno.rename(path, folder.at("away"));
  assert(!state.reader.read(path, stamp, 0, into));
  await Deno.rename(folder.at("away"), path);
  // To be renamed is a change of the file, too.
  stamp = stampAt(path);
  assert(state.reader.read(path, stamp, 0, into));
  state.reader.forget(path);
  state.reader.forget(path);
  assert(state.reader.read(path, stamp, 0, into));
});

Deno.test({
  ...skippedIf(noLinux, "shared reader: however many files are served, few are open"),
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
