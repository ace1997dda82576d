import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Fault } from "../../../src/fault.ts";
import { stampOfPath } from "../../../src/store/disk/file_stamp.ts";
import { hashFile, type HashOptions, untilSettled } from "../../../src/store/hash/hash_file.ts";
import { assertSameBytes, patterned } from "../../support/bytes.ts";
import { changes } from "../../support/changes.ts";
import { faultOf } from "../../support/faults.ts";
import { referenceDigests, referenceIdOf, referenceTree } from "../../support/reference_tree.ts";
import { State } from "../../support/state.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { lacking, noPosix, skippedIf } from "../../support/tools.ts";

const MIB = 1 << 20;
/** Work that pays for as many threads as there may be: bytes. */
const MANY = 256 * MIB;
const ID = "0123456789abcdef".repeat(4);

/** True if the disk's threads run already: then they hash all but small files. */
const places = { "on the calling thread": false, "on the disk's threads": true };

for (const [where, started] of Object.entries(places)) {
  Deno.test(`hash: id and tree of a file, at every boundary, ${where}`, async () => {
    await using folder = await TempFolder.create();
    using state = new State(folder.at("state.db"));
    if (started) state.disk.start(MANY);
    const sizes = [0, 1, 65_535, 65_536, 65_537, MIB - 1, MIB, MIB + 1, 4 * MIB, 6 * MIB + 65_537];
    sizes.push(32 * MIB, 36 * MIB - 1, 36 * MIB + 1);
    for (const size of sizes) {
      const content = patterned(size, size + 1);
      const path = await folder.write("file", content);
      const { id, stamp } = await hashFile(path, state);
      assertEquals(id, referenceIdOf(content), `${size}`);
      assertEquals(stamp.size, size);
      const block = state.digests.block(id, 0, 0);
      assertSameBytes(block!, referenceDigests(content), `block of ${size}`);
      assertEquals(state.digests.block(id, 1, 0), undefined);
    }
  });
}

Deno.test("hash: a file of 2,048 chunks has one block, one chunk more makes three", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  const content = patterned(2_048 * 65_536 + 1);
  for (const size of [content.length - 1, content.length]) {
    const path = await folder.write("file", content.subarray(0, size));
    const { id } = await hashFile(path, state);
    const { levels, top } = referenceTree(referenceDigests(content.subarray(0, size)));
    assertEquals(levels.length, size === content.length ? 2 : 1);
    for (const [level, blocks] of levels.entries()) {
      for (const [block, bytes] of blocks.entries()) {
        assertSameBytes(state.digests.block(id, level, block)!, bytes);
      }
    }
    assert(top.length > 0);
  }
});

Deno.test("hash: the wait for the file system's clock ends with the signal's reason", async () => {
  const reason = new Fault("deadline", "too late");
  const changed = (ms: number) => ({ size: 1, mtime: ms, ctime: 0, inode: 1 });
  let failure: unknown;
  // On a machine that stops in between, there is nothing to wait for by then.
  while (failure === undefined) {
    const waiting = untilSettled(changed(Date.now()), AbortSignal.abort(reason));
    failure = await waiting.catch((error) => error);
  }
  assertStrictEquals(failure, reason);
  await untilSettled(changed(0), AbortSignal.abort(reason));
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

Deno.test("hash: progress of the disk's threads is told in order, too", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  const path = await folder.write("file", patterned(71 * MIB));
  const told: number[] = [];
  await hashFile(path, state, { onProgress: (hashed) => told.push(hashed) });
  assertEquals(told.at(-1), 71 * MIB);
  assertEquals(told, told.toSorted((a, b) => a - b));
  assert(told.length > 8, `${told}`);
});

for (const [what, change] of Object.entries(changes)) {
  for (const [where, started] of Object.entries(places)) {
    Deno.test({
      ...skippedIf(
        noPosix,
        `hash: a file that ${what} meanwhile is refused, and no block is kept, ${where}`,
      ),
      fn: async () => {
        await using folder = await TempFolder.create();
        using state = new State(folder.at("state.db"));
        if (started) state.disk.start(MANY);
        // So long that threads still have parts to begin when the first one is done.
        const path = await folder.write("file", patterned(started ? 64 * MIB : 8 * MIB));
        let changed = false;
        const onProgress = () => {
          if (!changed) change(path);
          changed = true;
        };
        const hashing = state.cache.identify(path, { onProgress });
        const why = `Cannot share "${path}": it changed while it was being hashed`;
        await faultOf("disk", hashing, why);
        assertEquals(state.keptFor(), []);
        assertEquals(state.cache.lookup(path), undefined);
      },
    });
  }
}

for (const [where, started] of Object.entries(places)) {
  Deno.test(`hash: it stops when it is told to, and no block is kept, ${where}`, async () => {
    await using folder = await TempFolder.create();
    using state = new State(folder.at("state.db"));
    if (started) state.disk.start(MANY);
    const path = await folder.write("file", patterned(64 * MIB));
    const abort = new AbortController();
    const reason = new Fault("deadline", "too late");
    const options: HashOptions = { signal: abort.signal, onProgress: () => abort.abort(reason) };
    assertStrictEquals(await faultOf("deadline", hashFile(path, state, options)), reason);
    assertEquals(state.keptFor(), []);
  });
}

Deno.test({
  ...skippedIf(noPosix, "hash: the disk's threads follow a link where one is meant, and no other"),
  fn: async () => {
    await using folder = await TempFolder.create();
    using state = new State(folder.at("state.db"));
    state.disk.start();
    const content = patterned(9 * MIB);
    const path = await folder.write("file", content);
    await Deno.symlink(path, folder.at("link"));
    const { id } = await hashFile(folder.at("link"), state, { follow: true });
    assertEquals(id, referenceIdOf(content));
    await faultOf("usage", hashFile(folder.at("link"), state), "it is a link");
    // The same file by way of a link that appears meanwhile is not the file that was meant.
    await Deno.rename(path, folder.at("moved"));
    const stamp = stampOfPath(folder.at("moved"));
    const hashing = state.disk.hash(folder.at("link"), 0, { length: MIB, stamp });
    await assertRejects(() => hashing);
  },
});

Deno.test("hash: chunks that are wanted are taken on the way, those that are right", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  state.disk.start(MANY);
  const content = patterned(40 * MIB + 7);
  const path = await folder.write("file", content);
  const target = await folder.write("target", "");
  // Chunk 3 should be another, nothing is wanted of the second part, and only half of the last but one.
  const expected = referenceDigests(content);
  expected[3 * 32] ^= 1;
  const [second, half] = [4 * MIB, 38 * MIB];
  const taken: [position: number, length: number, bad: number[]][] = [];
  const { id } = await hashFile(path, state, {
    copier: {
      wanted(position, length) {
        if (position === second || position >= 40 * MIB) return Promise.resolve(undefined);
        const end = Math.min(position + length, half);
        const digests = expected.subarray(position / 65_536 * 32, end / 65_536 * 32);
        return Promise.resolve({ path: target, expected: digests });
      },
      taken: (...part) => void taken.push(part),
    },
  });
  await state.disk.close(target);
  assertEquals(id, referenceIdOf(content));
  taken.sort(([a], [b]) => a - b);
  assertEquals(taken.map(([position]) => position / MIB), [0, 8, 12, 16, 20, 24, 28, 32, 36]);
  assertEquals(taken.map(([, length]) => length), taken.map(() => 4 * MIB));
  assertEquals(taken[0][2], [3]);
  assertEquals(taken.at(-1)![2], Array.from({ length: 32 }, (_, chunk) => 32 + chunk));
  assert(taken.slice(1, -1).every(([, , bad]) => bad.length === 0));
  const right = content.slice(0, half);
  right.fill(0, 3 * 65_536, 4 * 65_536);
  right.fill(0, second, second + 4 * MIB);
  assertSameBytes(await Deno.readFile(target), right);
});

Deno.test("hash: what fails while chunks are taken ends it, and no block is kept", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  const content = patterned(40 * MIB);
  const path = await folder.write("file", content);
  const expected = referenceDigests(content.subarray(0, 4 * MIB));
  const gone = { path: folder.at("gone/target"), expected };
  const refused = new Fault("network", "nobody has it");
  const wanted = [() => Promise.resolve(gone), () => Promise.reject(refused)];
  for (const [index, kind] of (["usage", "network"] as const).entries()) {
    const copier = { wanted: wanted[index], taken: () => {} };
    await faultOf(kind, hashFile(path, state, { copier }));
    assertEquals(state.keptFor(), []);
  }
});

Deno.test({
  ...skippedIf(
    noPosix ?? lacking("mkfifo"),
    "hash: what is no regular file is refused, and never opened",
  ),
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
      await faultOf(kind, hashFile(path, state), `Cannot share "${path}": ${why}`);
      await faultOf(
        kind,
        state.cache.identify(path, { what: "compare" }),
        `Cannot compare "${path}"`,
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
  assertSameBytes(state.digests.block(first, 0, 0)!, referenceDigests(patterned(100_000)));
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

Deno.test("hash cache: what is gone is swept, and the database gets smaller again", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  const size = () => Deno.statSync(folder.at("state.db")).size;
  const hashAll = async () => {
    for (let n = 0; n < 200; n++) {
      const { id } = await state.cache.identify(await folder.write(`many/${n}`, `${n}`));
      // As large as that of a file of 20 MiB.
      state.digests.put(id, 0, 0, patterned(10_000));
    }
    const kept = await state.cache.identify(await folder.write("kept", "kept"));
    return kept.id;
  };
  const kept = await hashAll();
  state.cache.sweep();
  assertEquals(state.keptFor().length, 201);
  state.db.shrink();
  const full = size();
  // An empty folder may be one that a disk is mounted at.
  await Deno.rename(folder.at("many"), folder.at("away"));
  await folder.mkdir("many");
  state.cache.sweep();
  assertEquals(state.keptFor().length, 201);
  await folder.write("many/other", "other");
  state.cache.sweep();
  assertEquals(state.keptFor(), [kept]);
  assert(size() < full / 4, `${size()} of ${full}`);

  await folder.write("kept", "another");
  const { id } = await state.cache.identify(folder.at("kept"));
  state.cache.sweep();
  assertEquals(state.keptFor(), [id]);
});

Deno.test("hash cache: times differ by a millisecond", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  const path = await folder.write("file", "same");
  const { stamp } = await state.cache.identify(path);
  for (const other of [{ mtime: stamp.mtime + 1 }, { ctime: stamp.ctime - 1 }]) {
    state.cache.remember(path, ID, { ...stamp, ...other }, Infinity);
    const looked = await state.cache.identify(path);
    assert(looked.hashed && looked.id !== ID);
  }
});

Deno.test("hash cache: a change with the time put back is noticed, also within a tick", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  const path = await folder.write("file", "first");
  await Deno.utime(path, 1_000, 1_000);
  const first = await state.cache.identify(path);
  await folder.write("file", "FIRST");
  await Deno.utime(path, 1_000, 1_000);
  const second = await state.cache.identify(path);
  assert(second.hashed && second.id !== first.id, "within the same second");
  // Once it was left alone for long enough, what is known of it is taken for granted.
  const stamp = stampOfPath(path);
  state.cache.remember(path, ID, stamp, Date.now() + 60_000);
  assertEquals(await state.cache.identify(path), { id: ID, stamp, settled: true, hashed: false });
});
