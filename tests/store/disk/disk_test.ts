import { assert, assertEquals, assertRejects } from "@std/assert";
import { Disk } from "../../../src/store/disk/disk.ts";
import { stampOfPath } from "../../../src/store/disk/file_stamp.ts";
import { assertSameBytes, patterned } from "../../support/bytes.ts";
import { CountedDisk } from "../../support/counted_disk.ts";
import { openIn } from "../../support/open_in.ts";
import { payloadOf } from "../../support/payload.ts";
import { referenceDigests } from "../../support/reference_tree.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { noLinux, skippedIf } from "../../support/tools.ts";

const CHUNK = 65_536;
const MIB = 1 << 20;

Deno.test({
  ...skippedIf(
    noLinux,
    "disk: a file that is held takes its room until it is closed, whatever replaces it",
  ),
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

Deno.test("disk: memory is gone while it is there, and comes back with what was in it", async () => {
  await using folder = await TempFolder.create();
  using disk = new CountedDisk();
  disk.start();
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
  const others = [{ size: 1 }, { mtime: 1 }, { ctime: 1 }, { inode: stamp.inode + 1 }];
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

Deno.test("disk: what a thread is behind with is stored beside it, a payload at a time", async () => {
  await using folder = await TempFolder.create();
  using disk = new CountedDisk();
  disk.start();
  const content = patterned(30 * MIB);
  const path = await folder.write("file", "");
  const wrong = (index: number) => index % 7 === 3 ? [index % 16] : [];
  const payloads = Array.from({ length: 30 }, (_, index) => {
    return payloadOf(content.slice(index * MIB, (index + 1) * MIB), wrong(index));
  });
  const storing = payloads.map((payload, index) => disk.store(path, index * MIB, payload));
  // A thread takes the memory; what is stored beside it stays here.
  assertEquals(payloads.filter(({ buffer }) => !buffer.detached).length, 1);
  await Promise.all(storing.map(async (stored, index) => {
    assertEquals((await stored).bad, wrong(index));
    if (wrong(index).length === 0) return;
    const right = payloadOf(content.slice(index * MIB, (index + 1) * MIB));
    await disk.store(path, index * MIB, right);
  }));
  assertSameBytes(await Deno.readFile(path), content);
  await disk.close(path);
  if (Deno.build.os === "linux") assertEquals(openIn(folder.path), 0);
});

Deno.test("disk: little that comes slowly needs no thread; much of it, or a large file, does", async () => {
  await using folder = await TempFolder.create();
  using disk = new CountedDisk();
  const path = await folder.write("file", "");
  disk.expect(16 * MIB);
  for (let index = 0; index < 20; index++) {
    await disk.store(path, index * CHUNK, payloadOf(patterned(CHUNK)));
  }
  assertEquals(disk.starts, 0);
  const storing = Array.from({ length: 20 }, (_, index) => {
    return disk.store(path, index * CHUNK, payloadOf(patterned(CHUNK, index)));
  });
  assert(disk.starts > 0, "many that wait start one");
  await Promise.all(storing);
  const content = await Deno.readFile(path);
  for (let index = 0; index < 20; index++) {
    const chunk = content.subarray(index * CHUNK, (index + 1) * CHUNK);
    assertSameBytes(chunk, patterned(CHUNK, index), `chunk ${index}`);
  }
  using other = new CountedDisk();
  other.expect(16 * MIB + 1);
  assertEquals(other.starts, 1);
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
