import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { mtimeOf } from "../../../src/store/disk/file_stamp.ts";
import { digestChunks } from "../../../src/content/digest.ts";
import { pieceCount } from "../../../src/content/piece_map.ts";
import { DownloadStore } from "../../../src/store/partial/download_store.ts";
import { Disk } from "../../../src/store/disk/disk.ts";
import { PartialFile } from "../../../src/store/partial/partial_file.ts";
import { copyPlaceOf, publishFile } from "../../../src/store/disk/publish_file.ts";
import { assertSameBytes, type Bytes, patterned } from "../../support/bytes.ts";
import { faultOf } from "../../support/faults.ts";
import { stampAt } from "../../support/stamp_at.ts";
import { State } from "../../support/state.ts";
import { type Destination, Permit } from "../../../src/trust/permit.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { noPosix, skippedIf } from "../../support/tools.ts";

const MIB = 1 << 20;
const ID = "0123456789abcdef".repeat(4);

/** An id for each number. */
function idOf(n: number): string {
  return n.toString(16).padStart(64, "0");
}

function openPartial(folder: string, size: number, { id = ID, disk = new Disk() } = {}) {
  const { db, digests } = new State(":memory:");
  const options = { disk, digests, downloads: new DownloadStore(db, folder) };
  return PartialFile.open({ id, name: "data", size, overwrite: false, taken: "first" }, options);
}

/** A partial with `content`, its pieces written in reverse. */
async function partialOf(folder: TempFolder, content: Bytes, n = 0): Promise<PartialFile> {
  const disk = new Disk();
  const about = { id: idOf(n), disk };
  const partial = openPartial(folder.at("partials"), content.length, about);
  for (let piece = pieceCount(content.length) - 1; piece >= 0; piece--) {
    const bytes = content.slice(piece * MIB, (piece + 1) * MIB);
    const expected = await digestChunks(bytes);
    await partial.store(piece * MIB, { buffer: bytes.buffer, length: bytes.length, expected });
    partial.map.add(piece);
  }
  await disk.close(partial.path);
  disk.stop();
  return partial;
}

const MTIME = 1_700_000_000_123;
const dated = { mtime: MTIME };
const keep = (path: string): Destination => ({ path, permit: Permit.keep });
const replace = (path: string): Destination => ({ path, permit: Permit.own });

Deno.test("partial: exactly its bytes come out, with their time, and nothing is left", async () => {
  await using folder = await TempFolder.create();
  for (const size of [0, 1, 65_537, 3 * MIB]) {
    const content = patterned(size, size + 1);
    const partial = await partialOf(folder, content);
    assert(partial.path.startsWith(folder.at("partials/")));
    assert(partial.path.endsWith(".part"));
    const destination = folder.at(`file-${size}`);
    const stamp = await partial.publish(keep(destination), dated);
    await partial.discard();
    assertSameBytes(await Deno.readFile(destination), content);
    assertEquals(stamp, { ...stampAt(destination), size });
    assertEquals([...Deno.readDirSync(folder.at("partials"))].length, 0);
  }
});

Deno.test("partial: a time is kept to the millisecond", async () => {
  await using folder = await TempFolder.create();
  const times = [0, 1, 999, MTIME, MTIME + 1, 1_735_689_599_999, 4_102_444_800_001];
  for (const mtime of [...times, ...fc.sample(fc.nat({ max: 4e12 }), 50)]) {
    const partial = await partialOf(folder, patterned(3));
    await partial.publish(replace(folder.at("file")), { mtime });
    assertEquals(mtimeOf(stampAt(folder.at("file"))), mtime);
  }
});

Deno.test("partial: a time before 1970 counts as 1970", () => {
  assertEquals(mtimeOf({ size: 0, mtime: -5, ctime: 0, inode: 1 }), 0);
});

Deno.test({
  ...skippedIf(noPosix, "partial: only its owner may look at the folder"),
  fn: async () => {
    await using folder = await TempFolder.create();
    const partial = openPartial(folder.at("partials"), 1);
    assertEquals((await Deno.stat(folder.at("partials"))).mode! & 0o777, 0o700);
    await partial.discard();
    await faultOf("disk", () => openPartial(folder.at("gone/partials"), 1), "/gone has gone");
  },
});

Deno.test("partial: discarded, it leaves nothing, however often", async () => {
  await using folder = await TempFolder.create();
  const partial = await partialOf(folder, patterned(1_000));
  await partial.discard();
  await partial.discard();
  assertEquals(folder.list(), ["partials"]);
  const payload = { buffer: new ArrayBuffer(1), length: 1, expected: new Uint8Array(32) };
  await faultOf("disk", partial.store(0, payload), "it is closed");
  assertEquals(folder.list(), ["partials"]);
});

Deno.test("partial: a folder that can't be made is a disk fault", async () => {
  await using folder = await TempFolder.create();
  await folder.write("partials", "a file");
  await faultOf("disk", () => openPartial(folder.at("partials"), 1), "it is not a folder");
  assertEquals(folder.list(), ["partials"]);
});

/** The other file system that this machine may have, for moves across. */
const OTHER = "/dev/shm";

/** The reason why nothing can be moved from one file system to another here. */
async function whyNoOther(): Promise<string | undefined> {
  await using folder = await TempFolder.create();
  const other = await Deno.stat(OTHER).catch(() => undefined);
  if (!other) return `there is no ${OTHER}`;
  const differs = (await Deno.stat(folder.path)).dev !== other.dev;
  return differs ? undefined : `${OTHER} is where temporary files are`;
}

/** The same rules hold within one file system and across two. */
function publishContract(
  what: string,
  { parent, reason }: { parent?: string; reason?: string } = {},
) {
  const test = (name: string, fn: (from: TempFolder, to: TempFolder) => Promise<void>) =>
    Deno.test({
      ...skippedIf(reason, `publish ${what}: ${name}`),
      fn: async () => {
        await using from = await TempFolder.create();
        await using to = await TempFolder.create(parent);
        await fn(from, to);
      },
    });

  test("the whole file, its time, nothing else", async (from, to) => {
    const content = patterned(MIB + 1);
    const stamp = await (await partialOf(from, content)).publish(keep(to.at("file")), dated);
    assertSameBytes(await Deno.readFile(to.at("file")), content);
    const now = stampAt(to.at("file"));
    assertEquals(stamp, now);
    assertEquals(mtimeOf(now), MTIME);
    assertEquals([from.list(), to.list()], [["partials"], ["file"]]);
  });

  test("what a try that was killed left of a copy is gone", async (from, to) => {
    const content = patterned(MIB + 1);
    const partial = await partialOf(from, content);
    await Deno.writeFile(copyPlaceOf(partial.path, to.at("file")), patterned(10));
    await partial.publish(keep(to.at("file")), dated);
    assertSameBytes(await Deno.readFile(to.at("file")), content);
    // Where no copy was needed, nobody looked.
    if (parent !== undefined) assertEquals(to.list(), ["file"]);
  });

  test("what stands there stays, unless it may be replaced", async (from, to) => {
    await to.write("file", "precious");
    const partial = await partialOf(from, patterned(10));
    await faultOf("destination", partial.publish(keep(to.at("file")), dated), "it exists already");
    assertEquals(await Deno.readTextFile(to.at("file")), "precious");
    assertEquals(to.list(), ["file"]);
    await partial.discard();
    assertEquals(from.list(), ["partials"]);
    await (await partialOf(from, patterned(10))).publish(replace(to.at("file")), dated);
    assertSameBytes(await Deno.readFile(to.at("file")), patterned(10));
    assertEquals(to.list(), ["file"]);
  });

  test("what appears at the last moment stays too", async (from, to) => {
    const partial = await partialOf(from, patterned(10));
    const publishing = partial.publish(keep(to.at("file")), dated);
    Deno.writeTextFileSync(to.at("file"), "precious");
    await faultOf("destination", publishing, "it exists already");
    await partial.discard();
    assertEquals(await Deno.readTextFile(to.at("file")), "precious");
    assertEquals([from.list(), to.list()], [["partials"], ["file"]]);
  });

  test("of many at once, one is there, whole", async (from, to) => {
    const partials = await Promise.all(
      Array.from({ length: 8 }, (_, n) => partialOf(from, patterned(MIB, n + 1), n)),
    );
    const results = await Promise.allSettled(
      partials.map((one) => one.publish(keep(to.at("file")), dated)),
    );
    for (const partial of partials) await partial.discard();
    const winners = results.flatMap((one, at) => one.status === "fulfilled" ? [at] : []);
    assertEquals(winners.length, 1);
    assertSameBytes(await Deno.readFile(to.at("file")), patterned(MIB, winners[0] + 1));
    assertEquals([from.list(), to.list()], [["partials"], ["file"]]);
  });

  test("a folder is never replaced", async (from, to) => {
    await to.write("folder/file", "precious");
    for (const at of [keep, replace]) {
      const partial = await partialOf(from, patterned(10));
      await faultOf("destination", partial.publish(at(to.at("folder")), dated));
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
      await faultOf("destination", partial.publish(keep(to.at(link)), dated));
      await partial.discard();
    }
    await (await partialOf(from, patterned(10))).publish(replace(to.at("link")), dated);
    assert((await Deno.lstat(to.at("link"))).isFile);
    assertEquals(await Deno.readTextFile(to.at("target")), "precious");
    assertEquals(to.list(), ["dangling", "link", "target"]);
  });

  test("a folder that is missing is a fault, and nothing is left", async (from, to) => {
    const partial = await partialOf(from, patterned(10));
    await faultOf("usage", partial.publish(keep(to.at("missing/file")), dated), "Cannot write");
    await partial.discard();
    assertEquals([from.list(), to.list()], [["partials"], []]);
  });
}

publishContract("within a file system");
publishContract("across file systems", { parent: OTHER, reason: await whyNoOther() });

Deno.test("publish: a source that is gone is a fault", async () => {
  await using folder = await TempFolder.create();
  await faultOf("usage", publishFile(folder.at("gone"), keep(folder.at("file"))), "Cannot write");
  assertEquals(folder.list(), []);
});
