import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Fault } from "../src/fault.ts";
import { hashFile, type HashOptions } from "../src/store/hash_file.ts";
import { assertSameBytes, patterned } from "./support/bytes.ts";
import { changes } from "./support/changes.ts";
import { faultOf } from "./support/faults.ts";
import { referenceDigests, referenceIdOf, referenceTree } from "./support/reference_tree.ts";
import { State } from "./support/state.ts";
import { TempFolder } from "./support/temp_folder.ts";

const MIB = 1 << 20;
const ID = "0123456789abcdef".repeat(4);
const posixOnly = { ignore: Deno.build.os === "windows" };

Deno.test("hash: id and tree of a file, at every boundary", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  const sizes = [0, 1, 65_535, 65_536, 65_537, MIB - 1, MIB, MIB + 1, 4 * MIB, 6 * MIB + 65_537];
  for (const size of sizes) {
    const content = patterned(size, size + 1);
    const path = await folder.write("file", content);
    const { id, stamp } = await hashFile(path, state);
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
    const { id } = await hashFile(path, state);
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
  await hashFile(path, state, {
    onProgress: (hashed, size) => {
      assertEquals(size, 3 * MIB);
      told.push(hashed);
    },
  });
  assertEquals(told, [MIB, 2 * MIB, 3 * MIB]);
});

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
  assertStrictEquals(await faultOf("deadline", hashFile(path, state, options)), reason);
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
    await folder.write("file", "x");
    await Deno.symlink(folder.at("file"), folder.at("link"));
    const table: [path: string, kind: "usage" | "disk", why: string][] = [
      [folder.at("folder"), "usage", "it is a folder"],
      [folder.at("fifo"), "usage", "it is not a regular file"],
      [folder.at("socket"), "usage", "it is not a regular file"],
      ["/dev/null", "usage", "it is not a regular file"],
      [folder.at("missing"), "usage", "no such file"],
      [folder.at("link"), "usage", "it is a link"],
      [folder.at("missing/file"), "usage", "no such file"],
      [folder.at("state.db/file"), "usage", "no such file"],
      [folder.at("loop"), "usage", "it is a link"],
      [folder.at("loop/file"), "disk", "too many links"],
      [folder.at("x".repeat(300)), "disk", "the path is too long"],
    ];
    for (const [path, kind, why] of table) {
      await faultOf(kind, hashFile(path, state), `Cannot share ${path}: ${why}`);
      await faultOf(
        kind,
        state.cache.identify(path, { what: "compare" }),
        `Cannot compare ${path}`,
      );
    }
    assertEquals(state.keptFor(), []);
    // Where a link is meant, it is what it leads to.
    const { id } = await hashFile(folder.at("link"), state, { follow: true });
    assertEquals(id, referenceIdOf(new TextEncoder().encode("x")));
    await Deno.symlink(folder.at("nothing"), folder.at("dangling"));
    const over = hashFile(folder.at("dangling"), state, { follow: true });
    await faultOf("usage", over, "no such file");
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
