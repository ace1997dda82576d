import { assertEquals } from "@std/assert";
import { assertSameBytes, patterned } from "../../support/bytes.ts";
import { CountedDisk } from "../../support/counted_disk.ts";
import { faultOf } from "../../support/faults.ts";
import { openIn } from "../../support/open_in.ts";
import { payloadOf } from "../../support/payload.ts";
import { referenceDigests } from "../../support/reference_tree.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { noLinux, noPosix, testUnless } from "../../support/tools.ts";

const CHUNK = 65_536;
const MIB = 1 << 20;

/** Declares a test for both storers: a thread, and the spare writer as long as there is none. */
function storeTest(
  name: string,
  test: (disk: CountedDisk, folder: TempFolder) => Promise<void>,
  reason?: string,
): void {
  for (const threads of [true, false]) {
    testUnless(
      reason,
      `disk: ${name} (${threads ? "by a thread" : "without threads"})`,
      async () => {
        await using folder = await TempFolder.create();
        using disk = new CountedDisk();
        if (threads) disk.start();
        await test(disk, folder);
      },
    );
  }
}

storeTest("what is right is written where it belongs, and nothing else", async (disk, folder) => {
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

storeTest("payloads of any length, up to a byte beyond a piece", async (disk, folder) => {
  for (const size of [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, MIB - 1, MIB, MIB + 1]) {
    const content = patterned(size, size + 1);
    const path = await folder.write(`${size}`, "");
    assertEquals((await disk.store(path, 0, payloadOf(content))).bad, []);
    assertSameBytes(await Deno.readFile(path), content);
    await disk.close(path);
  }
});

storeTest(
  "of the digests only those that matter are taken, and they stay the caller's",
  async (disk, folder) => {
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
  },
);

storeTest("chunks without a digest are not written", async (disk, folder) => {
  const path = await folder.write("file", "");
  const payload = payloadOf(patterned(3 * CHUNK));
  const { bad } = await disk.store(path, 0, {
    ...payload,
    expected: payload.expected.subarray(0, 32),
  });
  assertEquals(bad, [1, 2]);
  assertEquals((await Deno.stat(path)).size, CHUNK);
});

storeTest("a file that isn't there is a disk fault, and no other job's", async (disk, folder) => {
  const content = patterned(CHUNK);
  const [here, gone] = [await folder.write("here", ""), folder.at("gone")];
  const jobs = [here, gone, here, gone, here].map(async (path, at) => {
    const storing = disk.store(path, at * CHUNK, payloadOf(content));
    if (path === here) assertEquals((await storing).bad, []);
    else await faultOf("disk", storing, `Cannot write "${gone}": no such file`);
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

storeTest("once a file is closed, its path is opened anew", async (disk, folder) => {
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

storeTest("many jobs for many files at once, each file its own", async (disk, folder) => {
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

storeTest(
  "a file is open from its first payload until it is closed, or the disk stopped",
  async (disk, folder) => {
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
  noLinux,
);

storeTest(
  "a write that fails is a disk fault, and the next one is made all the same",
  async (disk, folder) => {
    // Beyond what any file system holds: it fails in the write, as on a full disk.
    const path = await folder.write("file", "");
    const beyond = Number.MAX_SAFE_INTEGER - CHUNK;
    await faultOf("disk", disk.store(path, beyond, payloadOf(patterned(CHUNK))), "Cannot write");
    await disk.store(path, 0, payloadOf(patterned(CHUNK)));
    assertSameBytes(await Deno.readFile(path), patterned(CHUNK));
  },
  noLinux,
);

storeTest("a link is not followed", async (disk, folder) => {
  const target = await folder.write("target", "as it was");
  await Deno.symlink(target, folder.at("link"));
  await faultOf("disk", disk.store(folder.at("link"), 0, payloadOf(patterned(CHUNK))), "link");
  assertEquals(await Deno.readTextFile(target), "as it was");
}, noPosix);
