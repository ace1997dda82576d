/** What an unfinished download leaves on disk, and what the next one makes of it. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { digestChunks } from "../src/content/digest.ts";
import { RUN_SIZE, runCount, RunMap } from "../src/content/run_map.ts";
import { Fault } from "../src/fault.ts";
import { Checkpoints } from "../src/store/checkpoints.ts";
import { Disk } from "../src/store/disk.ts";
import { DownloadStore } from "../src/store/download_store.ts";
import { hashFile } from "../src/store/hash_file.ts";
import { PartialFile, type PartialOptions } from "../src/store/partial_file.ts";
import { StateDatabase } from "../src/store/state_database.ts";
import { assertSameBytes, type Bytes, patterned } from "./support/bytes.ts";
import { faultOf } from "./support/faults.ts";
import { State } from "./support/state.ts";
import { TempFolder } from "./support/temp_folder.ts";
import { withoutFolders } from "./support/without_folders.ts";

const MIB = 1 << 20;
const CHUNK = 65_536;

// Checkpoints

/** Checkpoints whose timer and sync do what the test says. */
class Bench {
  readonly log: string[] = [];
  written = 0;
  /** The work that waits for its time, and how long. */
  timers: { work: () => void; ms: number }[] = [];
  #syncs: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  readonly checkpoints = new Checkpoints({
    snapshot: () => {
      this.log.push(`look ${this.written}`);
      return new Uint8Array([this.written]);
    },
    sync: () => {
      this.log.push("sync");
      return new Promise((resolve, reject) => this.#syncs.push({ resolve, reject }));
    },
    save: ([n]) => this.log.push(`save ${n}`),
    timer: (work, ms) => {
      const timer = { work, ms };
      this.timers.push(timer);
      return () => void (this.timers = this.timers.filter((one) => one !== timer));
    },
  });

  write(mib: number): void {
    this.written += mib;
    this.checkpoints.add(mib * MIB);
  }

  async synced(error?: unknown): Promise<void> {
    const { resolve, reject } = this.#syncs.shift()!;
    if (error) reject(error);
    else resolve();
    await settle();
  }
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
}

/** Whether a promise is settled already. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(() => settled = true, () => settled = true);
  await settle();
  return settled;
}

Deno.test("checkpoint: what is written is looked at, synced, and only then vouched for", async () => {
  const bench = new Bench();
  bench.write(24);
  assertEquals(bench.log, ["look 24", "sync"]);
  bench.write(3);
  await bench.synced();
  assertEquals(bench.log, ["look 24", "sync", "save 24"], "what came meanwhile is not in it");
  bench.timers[0].work();
  await bench.synced();
  assertEquals(bench.log.slice(3), ["look 27", "sync", "save 27"]);
});

Deno.test("checkpoint: a little waits for two seconds, once", async () => {
  const bench = new Bench();
  bench.write(1);
  bench.write(1);
  assertEquals(bench.timers.map(({ ms }) => ms), [2_000]);
  assertEquals(bench.log, []);
  bench.timers[0].work();
  await bench.synced();
  assertEquals(bench.log, ["look 2", "sync", "save 2"]);
  assertEquals(bench.timers, [], "nothing is left to be synced");
});

Deno.test("checkpoint: a slow disk holds up who writes, before too much is at risk", async () => {
  const bench = new Bench();
  bench.write(24);
  assert(await isSettled(bench.checkpoints.room()));
  bench.write(23);
  assert(await isSettled(bench.checkpoints.room()));
  bench.write(1);
  const room = bench.checkpoints.room();
  assertEquals(await isSettled(room), false);
  await bench.synced();
  await room;
  assertEquals(bench.log.slice(2), ["save 24", "look 48", "sync"]);
  await bench.synced();
});

Deno.test("checkpoint: after a sync that failed, nothing is vouched for any more", async () => {
  const bench = new Bench();
  bench.write(24);
  await bench.synced();
  bench.write(24);
  const room = faultOf("disk", async () => {
    bench.write(24);
    await bench.checkpoints.room();
  });
  await bench.synced(new Fault("disk", "no"));
  await room;
  // The next sync would succeed: the system has forgotten what it could not write.
  await faultOf("disk", bench.checkpoints.finish());
  assertEquals(bench.log, ["look 24", "sync", "save 24", "look 48", "sync"]);
  assertEquals(bench.timers, []);
});

Deno.test("checkpoint: the last one comes after the one under way, and covers all", async () => {
  const bench = new Bench();
  bench.write(24);
  bench.write(2);
  const finished = bench.checkpoints.finish();
  await bench.synced();
  await bench.synced();
  await finished;
  assertEquals(bench.log, ["look 24", "sync", "save 24", "look 26", "sync", "save 26"]);
  assertEquals(bench.timers, []);
});

// Partials

/** A folder with a state, and one content that is fetched there again and again. */
class Place implements AsyncDisposable {
  readonly content: Bytes;
  readonly folder: TempFolder;
  readonly id: string;
  state: State;
  disk = new Disk();
  downloads: DownloadStore;

  private constructor(
    folder: TempFolder,
    state: State,
    { content, id }: { content: Bytes; id: string },
  ) {
    this.folder = folder;
    this.state = state;
    this.content = content;
    this.id = id;
    this.downloads = new DownloadStore(state.db, folder.at("partials"));
  }

  static async create(size: number): Promise<Place> {
    const folder = await TempFolder.create();
    const state = new State(folder.at("state.db"));
    const content = patterned(size, 7);
    const { id } = await hashFile(await folder.write("original", content), state);
    return new Place(folder, state, { content, id });
  }

  get path(): string {
    return this.folder.at(`partials/${this.id}.part`);
  }

  open(options: Partial<PartialOptions> = {}): PartialFile {
    const { id, downloads, disk } = this;
    return PartialFile.open({
      id,
      name: "data",
      size: this.content.length,
      overwrite: false,
      taken: "first",
    }, {
      ...{ downloads, disk, digests: this.state.digests },
      ...options,
    });
  }

  /** Stores a run, as a download would. */
  async store(partial: PartialFile, run: number): Promise<void> {
    const bytes = this.content.slice(run * RUN_SIZE, (run + 1) * RUN_SIZE);
    const expected = await digestChunks(bytes);
    const { buffer, byteLength: length } = bytes;
    await partial.store(run * RUN_SIZE, { buffer, length, expected });
    partial.runDone(run);
  }

  /** What the process forgets when it ends. */
  restart(): void {
    this.disk.stop();
    this.disk = new Disk();
    this.state[Symbol.dispose]();
    this.state = new State(this.folder.at("state.db"));
    this.downloads = new DownloadStore(this.state.db, this.folder.at("partials"));
    this.downloads.tidy();
  }

  /** The runs that the database claims. */
  claimed(): number[] {
    return runsOf(this.downloads.get(this.id)!.map);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disk.stop();
    this.state[Symbol.dispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}

function runsOf(map: RunMap): number[] {
  return Array.from({ length: map.runs }, (_, run) => run).filter((run) => map.has(run));
}

Deno.test("partial: what was there is there again, verified, and the rest makes the file", async () => {
  for (const size of [1, CHUNK, RUN_SIZE, RUN_SIZE + 1, 3 * RUN_SIZE - 1, 9 * RUN_SIZE + CHUNK]) {
    await using place = await Place.create(size);
    const runs = runCount(size);
    const first = place.open();
    assertEquals([first.map.count, first.unchecked], [0, 0]);
    for (let run = 0; run < runs - 1; run++) await place.store(first, run);
    await first.close();
    place.restart();
    const second = place.open();
    assertEquals([second.map.count, second.unchecked], [0, runs - 1], "nothing is believed");
    let checked = 0;
    await second.check({ onChecked: (bytes) => checked += bytes });
    assertEquals([second.map.count, second.unchecked], [runs - 1, 0]);
    assertEquals(checked, (runs - 1) * RUN_SIZE);
    await place.store(second, runs - 1);
    assertEquals(second.bytes, size);
    await second.publish(place.folder.at("file"), { mtime: 1_000, overwrite: false });
    assertSameBytes(await Deno.readFile(place.folder.at("file")), place.content);
    assertEquals(place.downloads.list(), []);
    assertEquals([...Deno.readDirSync(place.folder.at("partials"))], []);
  }
});

Deno.test("partial: the map never claims what no sync has covered", async () => {
  await using place = await Place.create(4 * RUN_SIZE);
  let sync = () => Promise.resolve();
  const timers: (() => void)[] = [];
  const partial = place.open({
    checkpoints: { sync: () => sync(), timer: (work) => (timers.push(work), () => {}) },
  });
  await place.store(partial, 0);
  timers.shift()!();
  await settle();
  assertEquals(place.claimed(), [0]);
  await place.store(partial, 1);
  const syncing = Promise.withResolvers<void>();
  sync = () => syncing.promise;
  timers.shift()!();
  await place.store(partial, 2);
  await settle();
  assertEquals(place.claimed(), [0], "the sync is under way");
  syncing.reject(Object.assign(new Error("EIO"), { code: "EIO" }));
  await settle();
  assertEquals(place.claimed(), [0]);
  await faultOf("disk", place.store(partial, 3));
  sync = () => Promise.resolve();
  await faultOf("disk", partial.publish(place.folder.at("file"), { mtime: 0, overwrite: false }));
  await faultOf("disk", partial.close());
  assertEquals(place.claimed(), [0], "a later sync proves nothing of what failed before");
  place.restart();
  const again = place.open();
  await again.check();
  assertEquals(runsOf(again.map), [0]);
  await again.discard();
});

Deno.test("partial: what is wrong on disk is not there, all else is", async () => {
  await using place = await Place.create(5 * RUN_SIZE + 10);
  const first = place.open();
  for (const run of [0, 1, 2, 3, 5]) await place.store(first, run);
  await first.close();
  place.restart();
  using file = await Deno.open(place.path, { write: true });
  await file.seek(2 * RUN_SIZE + 77, Deno.SeekMode.Start);
  await file.write(new Uint8Array([place.content[2 * RUN_SIZE + 77] ^ 1]));
  const second = place.open();
  await second.check();
  assertEquals(runsOf(second.map), [0, 1, 3, 5]);
  assertEquals(place.claimed(), [0, 1, 3, 5]);
  for (const run of [2, 4]) await place.store(second, run);
  await second.publish(place.folder.at("file"), { mtime: 0, overwrite: false });
  assertSameBytes(await Deno.readFile(place.folder.at("file")), place.content);
});

Deno.test("partial: cut off, or longer than the file, it costs what is missing", async () => {
  await using place = await Place.create(3 * RUN_SIZE);
  for (const [length, left] of [[RUN_SIZE + 5, [0]], [0, []], [3 * RUN_SIZE + 1, []]] as const) {
    const first = place.open();
    await first.check();
    for (const run of [0, 1, 2]) if (!first.map.has(run)) await place.store(first, run);
    await first.close();
    await Deno.truncate(place.path, length);
    place.restart();
    const second = place.open();
    await second.check();
    assertEquals(runsOf(second.map), [...left]);
    await second.close();
  }
});

Deno.test("partial: a check that is broken off loses nothing", async () => {
  await using place = await Place.create(16 * RUN_SIZE);
  const first = place.open();
  for (let run = 0; run < 16; run++) await place.store(first, run);
  await first.close();
  place.restart();
  const second = place.open();
  const stop = new AbortController();
  const checking = second.check({ signal: stop.signal, onChecked: () => stop.abort() });
  await checking.then(() => assert(false), (error) => assertEquals(error.name, "AbortError"));
  assert(second.unchecked > 0);
  await second.close();
  assertEquals(place.claimed().length, 16);
});

Deno.test("partial: this process believes itself, unless the file was changed since", async () => {
  await using place = await Place.create(2 * RUN_SIZE);
  const first = place.open();
  await place.store(first, 0);
  await first.close();
  const second = place.open();
  assertEquals([second.unchecked, runsOf(second.map)], [0, [0]]);
  await second.close();
  await Deno.writeFile(place.path, new Uint8Array(10), { append: true });
  const third = place.open();
  assertEquals([third.unchecked, runsOf(third.map)], [1, []]);
  await third.close();
});

Deno.test("partial: it serves what is verified, tells of it, and nothing else", async () => {
  await using place = await Place.create(3 * RUN_SIZE + 100);
  const partial = place.open();
  const heard: number[] = [];
  const stop = partial.onRun((run) => heard.push(run));
  const into = new Uint8Array(CHUNK);
  assertEquals(partial.read(0, into), false);
  await place.store(partial, 1);
  assert(partial.read(RUN_SIZE, into));
  assertSameBytes(into, place.content.subarray(RUN_SIZE, RUN_SIZE + CHUNK));
  assertEquals(partial.read(RUN_SIZE - 1, into), false, "it begins in a run that is not there");
  assertEquals(partial.read(2 * RUN_SIZE - 1, into), false, "it ends in one");
  await place.store(partial, 3);
  assert(partial.read(3 * RUN_SIZE, into.subarray(0, 100)));
  assertEquals(partial.read(3 * RUN_SIZE + 50, into), false, "there is no more of the file");
  assertEquals(heard, [1, 3]);
  stop();
  await place.store(partial, 0);
  assertEquals(heard, [1, 3]);
  await partial.close();
  assertEquals(partial.read(RUN_SIZE, into), false);
});

Deno.test("partial: a file that has a second name by now is never written to", async () => {
  await using place = await Place.create(2 * RUN_SIZE);
  const first = place.open();
  await place.store(first, 0);
  await first.close();
  await Deno.link(place.path, place.folder.at("file"));
  const before = await Deno.readFile(place.folder.at("file"));
  const second = place.open();
  assertEquals([second.map.count, second.unchecked], [0, 0]);
  await place.store(second, 1);
  assertSameBytes(await Deno.readFile(place.folder.at("file")), before);
  await second.discard();
});

Deno.test("partial: a destination that is taken leaves it whole", async () => {
  await using place = await Place.create(2 * RUN_SIZE);
  const first = place.open();
  for (const run of [0, 1]) await place.store(first, run);
  await place.folder.write("file", "precious");
  const options = { mtime: 0, overwrite: false };
  await faultOf("destination", first.publish(place.folder.at("file"), options));
  await first.close();
  place.restart();
  assertEquals(place.claimed(), [0, 1]);
  const second = place.open();
  await second.check();
  assert(second.map.complete);
  await second.publish(place.folder.at("file"), { mtime: 0, overwrite: true });
  assertSameBytes(await Deno.readFile(place.folder.at("file")), place.content);
});

Deno.test("partial: what can never fit is refused before anything is made for it", async () => {
  await using place = await Place.create(2 * RUN_SIZE);
  const { id, downloads, disk } = place;
  const about = { id, name: "huge", size: Number.MAX_SAFE_INTEGER, overwrite: false };
  const huge = { ...about, taken: "first" as const };
  const options = { downloads, disk, digests: place.state.digests };
  const error = assertThrows(() => PartialFile.open(huge, options), Fault, "are free");
  assertEquals(error.kind, "disk");
  assertEquals(downloads.list(), [], "no room can be made for that");
  assertEquals([...Deno.readDirSync(place.folder.at("partials"))], []);
});

// What is kept at the next start

Deno.test("downloads: files that no row is for, and rows without their file, are cleaned up", async () => {
  await using place = await Place.create(2 * RUN_SIZE);
  const kept = place.open();
  await place.store(kept, 1);
  await kept.close();
  const about = { name: "gone", size: 5, overwrite: false, taken: "first" as const };
  place.downloads.begin({ ...about, id: "ab".repeat(32) });
  await place.folder.write("partials/stray.part", "x");
  await place.folder.write("partials/deep/stray", "x");
  await place.folder.write("elsewhere", "x");
  place.restart();
  assertEquals(place.downloads.list().map(({ id }) => id), [place.id]);
  assertEquals([...Deno.readDirSync(place.folder.at("partials"))].map(({ name }) => name), [
    `${place.id}.part`,
  ]);
  assert(place.folder.list().includes("elsewhere"));
});

Deno.test("downloads: pages of digests stay as long as the download does", async () => {
  await using place = await Place.create(2 * RUN_SIZE);
  const partial = place.open();
  await partial.close();
  place.state.digests.tidy();
  assertEquals(place.state.keptFor(), [place.id]);
  place.downloads.remove(place.id);
  place.state.digests.tidy();
  assertEquals(place.state.keptFor(), []);
});

Deno.test("downloads: a database of version 1 gets its tables, and keeps the rest", async () => {
  await using folder = await TempFolder.create();
  const path = folder.at("state.db");
  const db = StateDatabase.open(path);
  db.run("INSERT INTO files (path, size, mtime_ns, inode, id) VALUES ('a', 1, '2', '3', 'b')");
  withoutFolders(db);
  for (const table of ["downloads", "trust"]) db.run(`DROP TABLE ${table}`);
  db.run("PRAGMA user_version = 1");
  db.close();
  const again = StateDatabase.open(path);
  assertEquals(again.all("SELECT id FROM files"), [{ id: "b" }]);
  assertEquals(new DownloadStore(again, folder.at("partials")).list(), []);
  again.close();
});

Deno.test("downloads: what is asked for anew is remembered, what is there stays", async () => {
  await using place = await Place.create(2 * RUN_SIZE);
  const { id, downloads } = place;
  const about = { id, name: "a", size: 2 * RUN_SIZE, overwrite: false, taken: "first" as const };
  downloads.begin(about);
  const map = new RunMap(2);
  map.add(1);
  downloads.save(id, map.bytes());
  const download = downloads.begin({ ...about, name: "b", output: "/x", overwrite: true });
  assertEquals([download.name, download.output, download.overwrite], ["b", "/x", true]);
  assertEquals(runsOf(download.map), [1]);
});
