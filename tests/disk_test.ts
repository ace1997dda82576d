import { assert, assertEquals, assertRejects } from "@std/assert";
import { Disk } from "../src/store/disk.ts";
import { stampOfPath } from "../src/store/file_stamp.ts";
import { assertSameBytes, patterned } from "./support/bytes.ts";
import { CountedDisk } from "./support/counted_disk.ts";
import { faultOf } from "./support/faults.ts";
import { openIn } from "./support/open_in.ts";
import { payloadOf } from "./support/payload.ts";
import { referenceDigests } from "./support/reference_tree.ts";
import { TempFolder } from "./support/temp_folder.ts";

const CHUNK = 65_536;
const MIB = 1 << 20;

Deno.test("disk: what is right is written where it belongs, and nothing else", async () => {
  await using folder = await TempFolder.create();
  using disk = new CountedDisk();
  const content = patterned(4 * CHUNK + 7);
  const table: [wrong: number[], good: [from: number, to: number][]][] = [
    [[], [[0, content.length]]],
    [[0], [[CHUNK, content.length]]],
    [[2], [[0, 2 * CHUNK], [3 * CHUNK, content.length]]],
    [[1, 2], [[0, CHUNK], [3 * CHUNK, content.length]]],
    [[4], [[0, 4 * CHUNK]]],
    [[0, 1, 2, 3, 4], []],
  ];
  for (const [wrong, good] of table) {
    for (const position of [0, 3 * CHUNK]) {
      const path = await folder.write("file", new Uint8Array(position + content.length));
      const { bad } = await disk.store(path, position, payloadOf(content, wrong));
      assertEquals(bad, wrong);
      const expected = new Uint8Array(position + content.length);
      for (const [from, to] of good) expected.set(content.subarray(from, to), position + from);
      assertSameBytes(await Deno.readFile(path), expected, `without ${wrong}, at ${position}`);
      await disk.close(path);
    }
  }
});

Deno.test({
  name: "disk: a file that is held takes its room until it is closed, whatever replaces it",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using folder = await TempFolder.create();
    using disk = new CountedDisk();
    const path = await folder.write("file", patterned(CHUNK));
    const gone = () =>
      [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
        try {
          return Deno.readLinkSync(`/proc/self/fd/${name}`) === `${path} (deleted)`;
        } catch {
          return false; // the descriptor that reads the folder
        }
      }).length;
    await disk.hold(path);
    await Deno.rename(await folder.write("other", patterned(7)), path);
    assertEquals(gone(), 1);
    await disk.close(path);
    assertEquals(gone(), 0);
    await disk.hold(`${path} that is not there`);
    await disk.close(`${path} that is not there`);
    assertSameBytes(await Deno.readFile(path), patterned(7));
  },
});

Deno.test("disk: payloads of any length, up to a byte beyond a run", async () => {
  await using folder = await TempFolder.create();
  using disk = new CountedDisk();
  for (const size of [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, MIB - 1, MIB, MIB + 1]) {
    const content = patterned(size, size + 1);
    const path = await folder.write(`${size}`, "");
    assertEquals((await disk.store(path, 0, payloadOf(content))).bad, []);
    assertSameBytes(await Deno.readFile(path), content);
    await disk.close(path);
  }
});

Deno.test("disk: memory is gone while it is there, and comes back with what was in it", async () => {
  await using folder = await TempFolder.create();
  using disk = new CountedDisk();
  const path = await folder.write("file", "");
  let buffer = payloadOf(patterned(2 * CHUNK)).buffer;
  for (const wrong of [[], [1], [0, 1]]) {
    const payload = payloadOf(patterned(2 * CHUNK), wrong);
    const was = new Uint8Array(payload.buffer).slice();
    new Uint8Array(buffer).set(was);
    const storing = disk.store(path, 0, { ...payload, buffer });
    assert(buffer.detached);
    ({ buffer } = await storing);
    assertSameBytes(new Uint8Array(buffer), was);
  }
});

Deno.test("disk: of the digests only those that matter are taken, and they stay the caller's", async () => {
  await using folder = await TempFolder.create();
  using disk = new CountedDisk();
  const path = await folder.write("file", "");
  const content = patterned(3 * CHUNK);
  const page = referenceDigests(content);
  for (const index of [2, 0, 1]) {
    const payload = payloadOf(content.slice(index * CHUNK, (index + 1) * CHUNK));
    const expected = page.subarray(index * 32, (index + 1) * 32);
    assertEquals((await disk.store(path, index * CHUNK, { ...payload, expected })).bad, []);
    assertEquals(expected.length, 32);
  }
  assertSameBytes(await Deno.readFile(path), content);
  assertSameBytes(page, referenceDigests(content));
});

Deno.test("disk: chunks without a digest are not written", async () => {
  await using folder = await TempFolder.create();
  using disk = new CountedDisk();
  const path = await folder.write("file", "");
  const payload = payloadOf(patterned(3 * CHUNK));
  const { bad } = await disk.store(path, 0, {
    ...payload,
    expected: payload.expected.subarray(0, 32),
  });
  assertEquals(bad, [1, 2]);
  assertEquals((await Deno.stat(path)).size, CHUNK);
});

Deno.test("disk: a file that isn't there is a disk fault, and no other job's", async () => {
  await using folder = await TempFolder.create();
  using disk = new CountedDisk();
  const content = patterned(CHUNK);
  const [here, gone] = [await folder.write("here", ""), folder.at("gone")];
  const jobs = [here, gone, here, gone, here].map(async (path, at) => {
    const storing = disk.store(path, at * CHUNK, payloadOf(content));
    if (path === here) assertEquals((await storing).bad, []);
    else await faultOf("disk", storing, `Cannot write ${gone}: no such file`);
  });
  await Promise.all(jobs);
  assertEquals((await Deno.stat(here)).size, 5 * CHUNK);
  await disk.close(gone);
  assertEquals(folder.list(), ["here"], "and it is not made");
  await faultOf("disk", disk.store(folder.path, 0, payloadOf(content)), "Cannot write");
  // Nothing is opened for what is all wrong.
  assertEquals((await disk.store(gone, 0, payloadOf(content, [0]))).bad, [0]);
  // Once it is there it can be written.
  await folder.write("gone", "");
  await disk.store(gone, 0, payloadOf(content));
  assertSameBytes(await Deno.readFile(gone), content);
});

Deno.test("disk: once a file is closed, its path is opened anew", async () => {
  await using folder = await TempFolder.create();
  using disk = new CountedDisk();
  const path = await folder.write("file", "");
  const [one, two] = [patterned(CHUNK, 1), patterned(CHUNK, 2)];
  await disk.store(path, 0, payloadOf(one));
  await Deno.rename(path, folder.at("moved"));
  await disk.close(path);
  await faultOf("disk", disk.store(path, CHUNK, payloadOf(two)), "no such file");
  await folder.write("file", "");
  await disk.store(path, CHUNK, payloadOf(two));
  assertSameBytes(await Deno.readFile(folder.at("moved")), one);
  assertSameBytes((await Deno.readFile(path)).subarray(CHUNK), two);
  // Closing is for after all that was asked before, and may be done again.
  const last = disk.store(path, 0, payloadOf(one));
  await Promise.all([disk.close(path), disk.close(path)]);
  await last;
  await disk.close(path);
  assertSameBytes((await Deno.readFile(path)).subarray(0, CHUNK), one);
});

Deno.test("disk: many jobs for many files at once, each file its own", async () => {
  await using folder = await TempFolder.create();
  using disk = new CountedDisk();
  const files = await Promise.all(Array.from({ length: 10 }, async (_, n) => {
    const content = patterned(20 * CHUNK + n, n + 1);
    return { path: await folder.write(`${n}`, ""), content };
  }));
  const jobs: Promise<number>[] = [];
  for (let at = 20; at >= 0; at--) {
    for (const [n, { path, content }] of files.entries()) {
      const part = content.slice(at * CHUNK, (at + 1) * CHUNK);
      if (part.length === 0) continue;
      const wrong = (at + n) % 3 === 0 ? [0] : [];
      const position = at * CHUNK;
      jobs.push(
        disk.store(path, position, payloadOf(part, wrong)).then(async ({ bad }) => {
          assertEquals(bad, wrong);
          if (bad.length > 0) await disk.store(path, position, payloadOf(part));
          return bad.length;
        }),
      );
    }
  }
  const bad = await Promise.all(jobs);
  assertEquals(bad.filter((count) => count > 0).length, 70);
  await Promise.all(files.map(({ path }) => disk.close(path)));
  for (const { path, content } of files) assertSameBytes(await Deno.readFile(path), content, path);
});

Deno.test("disk: it hashes a part of a file that is still the one that was meant", async () => {
  await using folder = await TempFolder.create();
  using disk = new CountedDisk();
  const content = patterned(6 * CHUNK + 7);
  const path = await folder.write("file", content);
  const stamp = stampOfPath(path);
  const table: [position: number, length: number][] = [
    ...[[0, content.length], [0, CHUNK], [4 * CHUNK, 2 * CHUNK], [5 * CHUNK, CHUNK + 7]],
    ...[[6 * CHUNK, 7], [CHUNK, 5 * CHUNK]],
  ] as [number, number][];
  for (const [position, length] of table) {
    const hashed = await disk.hash(path, position, { length, stamp });
    const right = referenceDigests(content.subarray(position, position + length));
    assertSameBytes(hashed!.digests, right, `${length} bytes at ${position}`);
    assertEquals(hashed!.bad, undefined);
  }
  // Beyond its end, or once it has changed.
  assertEquals(await disk.hash(path, 0, { length: content.length + 1, stamp }), undefined);
  const others = [{ size: 1 }, { mtimeNs: stamp.mtimeNs + 1n }, { inode: stamp.inode + 1n }];
  for (const other of others) {
    const part = { length: CHUNK, stamp: { ...stamp, ...other } };
    assertEquals(await disk.hash(path, 0, part), undefined);
  }
  await assertRejects(() => disk.hash(folder.at("gone"), 0, { length: 1, stamp }), Error, "ENOENT");
});

Deno.test("disk: a copy of what is cut off, or gone, says what is not there", async () => {
  await using folder = await TempFolder.create();
  using disk = new CountedDisk();
  const content = patterned(10 * CHUNK);
  const expected = referenceDigests(content);
  const path = await folder.write("to", "");
  const from = {
    path: await folder.write("from", content.subarray(0, 6 * CHUNK + 9)),
    position: 0,
  };
  const part = { length: content.length, expected };
  assertEquals(await disk.copy(path, 0, { ...part, from }), [6, 7, 8, 9]);
  assertSameBytes(await Deno.readFile(path), content.subarray(0, 6 * CHUNK));
  assertEquals(await disk.check(path, 0, part), [6, 7, 8, 9]);
  const gone = { path: folder.at("gone"), position: 0 };
  assertEquals((await disk.copy(path, 0, { ...part, from: gone })).length, 10);
});

Deno.test("disk: with several threads all is written, and closing closes it for all of them", async () => {
  await using folder = await TempFolder.create();
  using disk = new CountedDisk();
  disk.start(256 * MIB);
  const content = patterned(24 * MIB);
  const path = await folder.write("file", "");
  await Promise.all(Array.from({ length: 24 }, async (_, index) => {
    const part = content.slice(index * MIB, (index + 1) * MIB);
    assertEquals((await disk.store(path, index * MIB, payloadOf(part))).bad, []);
  }));
  assertSameBytes(await Deno.readFile(path), content);
  await disk.close(path);
  if (Deno.build.os === "linux") assertEquals(openIn(folder.path), 0);
});

Deno.test("disk: little work doesn't pay for a thread, and for one that runs still less", () => {
  using disk = new CountedDisk();
  assert(!disk.pays(8 * MIB) && disk.pays(256 * MIB));
  disk.start();
  assert(!disk.pays(CHUNK) && disk.pays(8 * MIB));
});

Deno.test("disk: stopped, started or neither, it leaves nothing behind", async () => {
  const idle = new Disk();
  idle.stop();
  const closed = new Disk();
  await closed.close("/nowhere");
  closed.stop();
  const started = new Disk();
  started.start();
  started.start();
  started.stop();
  started.stop();
  await using folder = await TempFolder.create();
  const path = await folder.write("file", "");
  const disk = new Disk();
  for (let round = 0; round < 3; round++) {
    await disk.store(path, round * CHUNK, payloadOf(patterned(CHUNK)));
    await disk.close(path);
    disk.stop();
    await disk.close(path);
  }
  assertEquals((await Deno.stat(path)).size, 3 * CHUNK);
});

Deno.test({
  name: "disk: a file is open from its first payload until it is closed, or the disk stopped",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using folder = await TempFolder.create();
    using disk = new CountedDisk();
    const paths = await Promise.all([1, 2].map((n) => folder.write(`${n}`, "")));
    for (let round = 0; round < 3; round++) {
      for (const path of paths) await disk.store(path, 0, payloadOf(patterned(CHUNK)));
    }
    assertEquals(openIn(folder.path), 2);
    await disk.close(paths[0]);
    assertEquals(openIn(folder.path), 1);
    disk.stop();
    for (let tries = 0; openIn(folder.path) > 0 && tries < 200; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assertEquals(openIn(folder.path), 0);
  },
});

Deno.test({
  name: "disk: a write that fails is a disk fault, and the next one is made all the same",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using folder = await TempFolder.create();
    using disk = new CountedDisk();
    // Beyond what any file system holds: it fails in the write, as on a full disk.
    const path = await folder.write("file", "");
    const beyond = Number.MAX_SAFE_INTEGER - CHUNK;
    await faultOf("disk", disk.store(path, beyond, payloadOf(patterned(CHUNK))), "Cannot write");
    await disk.store(path, 0, payloadOf(patterned(CHUNK)));
    assertSameBytes(await Deno.readFile(path), patterned(CHUNK));
  },
});
