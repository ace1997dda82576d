import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { treeShape } from "../src/content/hash_tree.ts";
import { Fault } from "../src/fault.ts";
import {
  Downloader,
  type DownloaderOptions,
  RUNS_IN_FLIGHT,
  SOURCES_AT_ONCE,
} from "../src/peer/downloader.ts";
import { Listener } from "../src/peer/listener.ts";
import { OrderedOutput, OUTPUT_WINDOW } from "../src/peer/ordered_output.ts";
import { Picker, type Run, runsOf } from "../src/peer/picker.ts";
import { RateMeter } from "../src/peer/rate_meter.ts";
import { abortable, Backoff, delay } from "../src/peer/retry.ts";
import { SeedSource } from "../src/peer/seed_source.ts";
import type { Sink } from "../src/peer/sink.ts";
import { PeerSource } from "../src/peer/source.ts";
import { Transfers } from "../src/peer/transfers.ts";
import { Uploader } from "../src/peer/uploader.ts";
import { VerifiedPages } from "../src/peer/verified_pages.ts";
import { Disk } from "../src/store/disk.ts";
import { PartialFile } from "../src/store/partial_file.ts";
import { Refusal } from "../src/wire/caller.ts";
import { assertSameBytes, type Bytes, concat, patterned } from "./support/bytes.ts";
import { faultOf } from "./support/faults.ts";
import { type Conduct, MemoryFile, MemorySink, MemorySource } from "./support/memory_source.ts";
import { payloadOf } from "./support/payload.ts";
import { sinkContract } from "./support/sink_contract.ts";
import { closedPort, RawEnd, Scripted } from "./support/sockets.ts";
import { State } from "./support/state.ts";
import { TempFolder } from "./support/temp_folder.ts";

const CHUNK = 65_536;
const MIB = 1 << 20;

/** Lets everything happen that can happen without anything new. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve));
}

// Picker

function pickerOf(
  chunks: number,
  options: { horizon?: () => number; others?: () => boolean } = {},
) {
  const { horizon = () => Infinity, others = () => false } = options;
  return new Picker<string>({ chunks, horizon, hasOther: others });
}

Deno.test("picker: runs in file order, sixteen chunks at a time, then nothing", async () => {
  const picker = pickerOf(40);
  const runs = [await picker.take("a"), await picker.take("b"), await picker.take("a")];
  assertEquals(runs, [{ first: 0, count: 16 }, { first: 16, count: 16 }, { first: 32, count: 8 }]);
  const waiting = picker.take("a");
  for (const run of runs) picker.done(run!.count);
  assertEquals(picker.missing, 0);
  assertEquals(await waiting, undefined);
  assertEquals(await picker.take("a"), undefined);
});

Deno.test("picker: every chunk exactly once, at every boundary", async () => {
  for (const chunks of [0, 1, 15, 16, 17, 31, 32, 33, 2_047, 2_048, 2_049]) {
    const picker = pickerOf(chunks);
    let next = 0;
    for (let run; (run = await picker.take("a"));) {
      assertEquals(run.first, next);
      assertEquals(Math.floor(run.first / 2_048), Math.floor((run.first + run.count - 1) / 2_048));
      next += run.count;
      picker.done(run.count);
    }
    assertEquals(next, chunks);
  }
});

Deno.test("picker: what failed comes before what is new", async () => {
  const picker = pickerOf(100);
  const first = await picker.take("a");
  await picker.take("a");
  picker.giveBack(first!, "a");
  assertEquals(await picker.take("b"), first);
  assertEquals((await picker.take("b"))?.first, 32);
});

Deno.test("picker: who failed a run gets it again only when there is nobody else", async () => {
  let others = true;
  const picker = pickerOf(16, { others: () => others });
  const run = await picker.take("a");
  picker.giveBack(run!, "a");
  const again = picker.take("a");
  let taken: Run | undefined;
  again.then((it) => taken = it);
  await settle();
  assertEquals(taken, undefined, "somebody else might bring it");
  others = false;
  picker.wake();
  assertEquals(await again, run);
});

Deno.test("picker: the other source takes what the first could not bring", async () => {
  const picker = pickerOf(16, { others: () => true });
  const run = await picker.take("a");
  const [a, b] = [picker.take("a"), picker.take("b")];
  picker.giveBack(run!, "a");
  assertEquals(await b, run);
  picker.done(run!.count);
  assertEquals(await a, undefined);
});

Deno.test("picker: parts of a run come back as they are", async () => {
  const picker = pickerOf(16);
  await picker.take("a");
  picker.done(15);
  assertEquals(picker.missing, 1);
  picker.giveBack({ first: 3, count: 1 }, "a");
  assertEquals(await picker.take("b"), { first: 3, count: 1 });
});

Deno.test("picker: all the parts of a run that one failed reach another, and are done once", async () => {
  const picker = pickerOf(40, { others: () => true });
  const run = (await picker.take("a"))!;
  const bad = [0, 1, 2, 5, 15];
  picker.done(run.count - bad.length);
  const parts = runsOf(bad);
  for (const part of parts) picker.giveBack(part, "a");
  assertEquals(await picker.take("a"), { first: 16, count: 16 }, "a goes on with what is new");
  const taken = [await picker.take("b"), await picker.take("c"), await picker.take("b")];
  assertEquals(taken, parts);
  for (const { count } of parts) picker.done(count);
  assertEquals(picker.missing, 24);
});

Deno.test("picker: a run that several failed goes round until one brings it", async () => {
  const picker = pickerOf(16, { others: () => true });
  const run = await picker.take("a");
  const waiting = { b: picker.take("b"), c: picker.take("c") };
  picker.giveBack(run!, "a");
  assertEquals(await waiting.b, run);
  picker.giveBack(run!, "b");
  assertEquals(await waiting.c, run);
  picker.giveBack(run!, "c");
  assertEquals(await picker.take("a"), run);
  picker.done(16);
  assertEquals(await picker.take("b"), undefined);
});

Deno.test("runs of chunks: as long as they can be, and none for none", () => {
  const table: [number[], Run[]][] = [
    [[], []],
    [[0], [{ first: 0, count: 1 }]],
    [[102], [{ first: 102, count: 1 }]],
    [[100, 101, 102, 103, 104], [{ first: 100, count: 5 }]],
    [[100, 101, 104], [{ first: 100, count: 2 }, { first: 104, count: 1 }]],
    [[0, 2, 4], [{ first: 0, count: 1 }, { first: 2, count: 1 }, { first: 4, count: 1 }]],
  ];
  for (const [chunks, runs] of table) assertEquals(runsOf(chunks), runs);
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat({ max: 60 })), (any) => {
      const chunks = any.toSorted((a, b) => a - b);
      const runs = runsOf(chunks);
      assertEquals(
        runs.flatMap(({ first, count }) => Array.from({ length: count }, (_, at) => first + at)),
        chunks,
      );
      for (const [index, { first }] of runs.entries()) {
        const before = runs[index - 1];
        if (before) assert(first > before.first + before.count, "no two touch");
      }
    }),
  );
});

Deno.test("picker: nothing beyond the horizon, until it moves", async () => {
  let horizon = 20 * CHUNK;
  const picker = pickerOf(64, { horizon: () => horizon });
  assertEquals((await picker.take("a"))?.first, 0);
  let taken: Run | undefined;
  const waiting = picker.take("a").then((it) => taken = it);
  picker.wake();
  await settle();
  assertEquals(taken, undefined);
  horizon = 32 * CHUNK;
  picker.wake();
  await waiting;
  assertEquals(taken, { first: 16, count: 16 });
});

Deno.test("picker: stopping wakes everybody who waits, with nothing", async () => {
  const picker = pickerOf(16);
  await picker.take("a");
  const waiting = ["a", "b", "c"].map((source) => picker.take(source));
  picker.stop();
  assertEquals(await Promise.all(waiting), [undefined, undefined, undefined]);
  picker.giveBack({ first: 0, count: 16 }, "a");
  assertEquals(await picker.take("b"), undefined);
});

// Rates and pauses

Deno.test("rate meter: over the last five seconds, or since the start", () => {
  let now = 1_000_000;
  const meter = new RateMeter(() => now);
  assertEquals(meter.rate, 0);
  meter.add(1_000);
  assertEquals(meter.rate, 4_000, "no less than a quarter of a second counts");
  now += 1_000;
  assertEquals(meter.rate, 1_000);
  now += 1_000;
  meter.add(3_000);
  assertEquals(meter.rate, 2_000);
  now += 3_000;
  assertEquals(meter.rate, 600, "the first second is out of the window");
  now += 60_000;
  assertEquals([meter.rate, meter.total], [0, 4_000]);
});

Deno.test("rate meter: a steady stream has its rate, however long it lasts", () => {
  let now = 0;
  const meter = new RateMeter(() => now);
  for (let tick = 0; tick < 10_000; tick++) {
    now += 10;
    meter.add(100);
    if (now % 250 === 0 && now > 10_000) {
      assert(Math.abs(meter.rate - 10_000) < 600, `${meter.rate} at ${now}`);
    }
  }
  assertEquals(meter.total, 1_000_000);
});

Deno.test("back-off: twice as long each time, up to a limit, less up to a half by chance", () => {
  const longest = new Backoff({ first: 100, longest: 1_000, random: () => 0 });
  assertEquals(Array.from({ length: 6 }, () => longest.next()), [100, 200, 400, 800, 1_000, 1_000]);
  const shortest = new Backoff({ first: 100, longest: 1_000, random: () => 1 });
  assertEquals(Array.from({ length: 5 }, () => shortest.next()), [50, 100, 200, 400, 500]);
  longest.reset();
  assertEquals(longest.next(), 100);
});

Deno.test("delay and abortable end with the signal's reason", async () => {
  const reason = new Fault("deadline", "too late");
  await delay(1);
  const never = new Promise<never>(() => {});
  for (
    const wait of [(s: AbortSignal) => delay(60_000, s), (s: AbortSignal) => abortable(never, s)]
  ) {
    assertStrictEquals(await faultOf("deadline", wait(AbortSignal.abort(reason))), reason);
    const abort = new AbortController();
    const waiting = faultOf("deadline", wait(abort.signal));
    abort.abort(reason);
    assertStrictEquals(await waiting, reason);
  }
  assertEquals(await abortable(Promise.resolve(7), new AbortController().signal), 7);
  await assertRejects(() => abortable(Promise.reject(reason), new AbortController().signal), Fault);
});

// Transfers

Deno.test("transfers: a download, from its name to its end", () => {
  const transfers = new Transfers();
  const download = transfers.download("file");
  assertEquals([download.view().percent, download.view().eta], [0, undefined]);
  download.size = 400;
  download.sources = () => 2;
  download.add(100);
  const [view] = transfers.list();
  assertEquals([view.name, view.direction, view.state], ["file", "down", "active"]);
  assertEquals([view.bytes, view.size, view.percent, view.sources], [100, 400, 25, 2]);
  assert(view.rate > 0 && view.eta! > 0);
  download.state = "failed";
  download.error = "lost";
  const [ended] = transfers.list();
  assertEquals([ended.state, ended.error, ended.rate, ended.eta], ["failed", "lost", 0, undefined]);
  assertEquals(ended.sources, 0);
});

Deno.test("transfers: percent is whole for an empty file, and never more than that", () => {
  const transfers = new Transfers();
  const empty = transfers.download("empty");
  empty.size = 0;
  assertEquals(empty.view().percent, 100);
  const more = transfers.download("more");
  more.size = 10;
  more.add(25);
  assertEquals(more.view().percent, 100);
});

Deno.test("transfers: one upload for each file and taker", () => {
  const transfers = new Transfers();
  const about = { name: "file", id: "1", size: 10, to: "10.0.0.1:5" };
  const upload = transfers.upload(about);
  assertStrictEquals(transfers.upload(about), upload);
  assert(transfers.upload({ ...about, id: "2" }) !== upload);
  assert(transfers.upload({ ...about, to: "10.0.0.2:5" }) !== upload);
  const [view] = transfers.list();
  assertEquals([view.direction, view.to, view.sources], ["up", "10.0.0.1:5", 1]);
  upload.lastActive = -1e9;
  assertEquals(transfers.list()[0].state, "done");
  assert(transfers.upload(about) !== upload, "a later one is another");
});

Deno.test("transfers: the last fifty that ended are remembered, and all under way", () => {
  const transfers = new Transfers();
  const active = transfers.download("active");
  for (let n = 0; n < 200; n++) transfers.download(`${n}`).state = "done";
  transfers.download("last");
  const list = transfers.list();
  assertEquals(list.length, 52);
  assertEquals(list[0].transfer, active.transfer);
  assertEquals(list[1].name, "150");
  assertEquals(new Set(list.map(({ transfer }) => transfer)).size, list.length);
});

// Verified pages

/** A state database in a folder of its own. */
async function newState(): Promise<State & AsyncDisposable> {
  const folder = await TempFolder.create();
  const state = new State(folder.at("state.db"));
  return Object.assign(state, {
    [Symbol.asyncDispose]: async () => {
      state[Symbol.dispose]();
      await folder[Symbol.asyncDispose]();
    },
  });
}

/** A file of two pages of digests and one above them. Made once: it is large. */
let tall: MemoryFile | undefined;
function tallFile(): MemoryFile {
  return tall ??= new MemoryFile(patterned(2_048 * CHUNK + 1));
}

Deno.test("verified pages: from the top down, each fetched once, then kept", async () => {
  await using state = await newState();
  const file = tallFile();
  const pages = new VerifiedPages(file.id, treeShape(file.size), state.digests);
  const source = new MemorySource("a", file);
  const [last, first] = await Promise.all([
    pages.digestsOf({ first: 2_048, count: 1 }, source),
    pages.digestsOf({ first: 16, count: 16 }, source),
    pages.digestsOf({ first: 0, count: 16 }, source),
  ]);
  assertSameBytes(last, file.tree.levels[0][1]);
  assertSameBytes(first, file.tree.levels[0][0].subarray(16 * 32, 32 * 32));
  assertEquals(source.pages.toSorted(), ["0:0", "0:1", "1:0"]);
  const later = new VerifiedPages(file.id, treeShape(file.size), state.digests);
  await later.digestsOf({ first: 2_047, count: 1 }, source);
  assertEquals(source.pages.length, 3, "known from the store");
});

Deno.test("verified pages: a wrong page is refused at every level, and not kept", async () => {
  const file = tallFile();
  const lies: ((right: Bytes) => Bytes)[] = [
    (right) => right.with(0, right[0] ^ 1),
    (right) => right.subarray(0, -32),
    (right) => concat([right, new Uint8Array(32)]),
    () => new Uint8Array(),
  ];
  for (const wrongLevel of [0, 1]) {
    for (const lie of lies) {
      await using state = await newState();
      const pages = new VerifiedPages(file.id, treeShape(file.size), state.digests);
      const liar = new MemorySource("liar", file, {
        digests: (right, level) => level === wrongLevel ? lie(right) : right,
      });
      const asking = pages.page(0, 1, liar);
      await faultOf("integrity", asking, "liar sent a wrong page of digests");
      assertEquals(state.digests.page(file.id, wrongLevel, wrongLevel === 1 ? 0 : 1), undefined);
      const honest = new MemorySource("honest", file);
      assertSameBytes(await pages.page(0, 1, honest), file.tree.levels[0][1]);
    }
  }
});

Deno.test("verified pages: when the source that is asked fails, the next one's is asked", async () => {
  await using state = await newState();
  const file = new MemoryFile(patterned(3 * CHUNK));
  const pages = new VerifiedPages(file.id, treeShape(file.size), state.digests);
  const asked = Promise.withResolvers<Bytes>();
  const failing = new MemorySource("failing", file, { digests: () => asked.promise });
  const honest = new MemorySource("honest", file);
  const first = faultOf("network", pages.page(0, 0, failing), "gone");
  const second = pages.page(0, 0, honest);
  await settle();
  assertEquals(honest.pages, []);
  asked.reject(new Fault("network", "gone"));
  await first;
  assertSameBytes(await second, file.tree.top);
});

// Downloader

const MEGABYTES = new MemoryFile(patterned(4 * MIB + 5));

/** One download from sources in memory. */
async function download(
  file: MemoryFile,
  sources: MemorySource[],
  options: Partial<DownloaderOptions> = {},
) {
  await using state = await newState();
  const sink = new MemorySink(file.size);
  let told = 0;
  const downloader = new Downloader({
    ...{ id: file.id, size: file.size, sink, digests: state.digests, sources },
    ...{ onBytes: (bytes) => told += bytes, backoff: { first: 1, longest: 2 } },
    ...options,
  });
  let error: unknown;
  await downloader.run().catch((thrown) => error = thrown);
  for (const source of sources) assert(!source.open, `${source.receipt.address} is closed`);
  // Whatever was written is right, even when the download failed.
  for (const at of sink.written) {
    assertSameBytes(sink.content.subarray(at, at + CHUNK), file.content.subarray(at, at + CHUNK));
  }
  return { error, sink, told, tally: downloader.tally, chunks: sink.written.size };
}

/** Fails the test unless the download came through. */
async function downloaded(file: MemoryFile, sources: MemorySource[]) {
  const { error, ...result } = await download(file, sources);
  if (error) throw error;
  assertSameBytes(result.sink.content, file.content);
  assertEquals(result.told, file.size);
  assertEquals(result.tally.fetched, treeShape(file.size).chunks);
  assertEquals(sources.reduce((sum, { receipt }) => sum + receipt.bytes, 0), file.size);
  return result;
}

async function failed(
  file: MemoryFile,
  sources: MemorySource[],
  options?: Partial<DownloaderOptions>,
) {
  const { error, ...result } = await download(file, sources, options);
  assert(error instanceof Error, "it should have failed");
  return { error: error as Fault, ...result };
}

const flip = (bytes: Bytes, at: number) => bytes.with(at, bytes[at] ^ 1);
const liesAlways: Conduct = { chunks: (right) => flip(right, right.length - 1) };
/** Wrong in one chunk, whenever it is asked for. */
const liesInChunk = (chunk: number): Conduct => ({
  chunks: (right, { first, count }) =>
    chunk >= first && chunk < first + count ? flip(right, (chunk - first) * CHUNK) : right,
});
const refusal = (code: string) => new Refusal("it", { code, message: "" });

Deno.test("download: one source, at every boundary", async () => {
  for (const size of [0, 1, 65_535, 65_536, 65_537, MIB - 1, MIB, MIB + 1, 4 * MIB + 5]) {
    const file = new MemoryFile(patterned(size, size + 1));
    const source = new MemorySource("a", file);
    const { tally } = await downloaded(file, [source]);
    assertEquals(tally.refetched, 0);
    assertEquals(source.receipt.dropped, undefined);
    assertEquals(source.connects, size > 0 ? 1 : 0);
  }
});

Deno.test("download: a file of several pages of digests", async () => {
  await downloaded(tallFile(), [new MemorySource("a", tallFile())]);
});

Deno.test("download: an empty file needs no source, but its own id", async () => {
  const empty = new MemoryFile(new Uint8Array());
  await downloaded(empty, []);
  const { error } = await failed(empty, [], { id: "ab".repeat(32) });
  assertEquals(error.kind, "integrity");
});

Deno.test("download: two sources both bring something", async () => {
  const both = Promise.withResolvers<void>();
  let asked = 0;
  const conduct = (): Conduct => {
    let first = true;
    return {
      chunks: async (right) => {
        if (first && ++asked === 2) both.resolve();
        first = false;
        await both.promise;
        return right;
      },
    };
  };
  // More than one of them asks for at a time.
  const file = new MemoryFile(patterned((RUNS_IN_FLIGHT + 1) * MIB));
  const sources = ["a", "b"].map((name) => new MemorySource(name, file, conduct()));
  await downloaded(file, sources);
  for (const { receipt } of sources) assert(receipt.bytes > 0 && !receipt.dropped, receipt.address);
});

Deno.test("download: a liar in one chunk is dropped and named; what was right is kept", async () => {
  const met = Promise.withResolvers<void>();
  const lie = liesInChunk(3).chunks!;
  const liar = new MemorySource("liar", MEGABYTES, {
    chunks: async (right, run) => {
      await met.promise;
      return lie(right, run);
    },
  });
  const honest = new MemorySource("honest", MEGABYTES, { connect: () => met.resolve() });
  const { tally } = await downloaded(MEGABYTES, [liar, honest]);
  assertEquals(liar.receipt.dropped, "liar sent a wrong chunk");
  assertEquals([liar.receipt.bad_chunks, tally.refetched], [1, 1]);
  assert(liar.receipt.bytes >= 15 * CHUNK, "the other chunks of that run");
  assertEquals(honest.receipt.dropped, undefined);
  assert(honest.asked.some(({ first, count }) => first === 3 && count === 1), "asked elsewhere");
});

Deno.test("download: who lies always brings nothing, and spoils nothing", async () => {
  const liar = new MemorySource("liar", MEGABYTES, {
    chunks: (right) => new Uint8Array(right.length),
  });
  const honest = new MemorySource("honest", MEGABYTES);
  await downloaded(MEGABYTES, [liar, honest]);
  assertEquals(liar.receipt.dropped, "liar sent a wrong chunk");
  assertEquals([liar.receipt.bytes, honest.receipt.bytes], [0, MEGABYTES.size]);
});

Deno.test("download: a wrong page, or a wrong length, is a lie too", async () => {
  const lies: [Conduct, string][] = [
    [{ digests: (right) => flip(right, 0) }, "a wrong page of digests"],
    [{ chunks: (right) => right.subarray(1) }, "bytes in place of"],
    [{ chunks: () => new Uint8Array() }, "0 bytes in place of"],
  ];
  for (const [conduct, why] of lies) {
    const { error } = await failed(MEGABYTES, [new MemorySource("liar", MEGABYTES, conduct)]);
    assertEquals(error.kind, "integrity");
    assert(error.message.includes("every source was lost: liar sent"), error.message);
    assert(error.message.includes(why), error.message);
  }
});

Deno.test("download: one wrong chunk is forgiven when there is nobody else", async () => {
  let lies = 2;
  const source = new MemorySource("a", MEGABYTES, {
    chunks: (right, { first }) => first === 0 && lies-- > 0 ? flip(right, 0) : right,
  });
  const { tally } = await downloaded(MEGABYTES, [source]);
  assertEquals([source.receipt.bad_chunks, tally.refetched], [2, 2]);
  assertEquals(source.receipt.dropped, undefined);
});

Deno.test("download: when all lie, it is the content that is refused", async () => {
  const liars = ["x", "y"].map((name) => new MemorySource(name, MEGABYTES, liesInChunk(20)));
  const { error, sink } = await failed(MEGABYTES, liars);
  assertEquals(error.kind, "integrity");
  assert(error.message.includes("x sent") && error.message.includes("y sent"), error.message);
  assert(!sink.written.has(20 * CHUNK));
});

Deno.test("download: one liar and one lost source are a matter of the network", async () => {
  const { error } = await failed(MEGABYTES, [
    new MemorySource("liar", MEGABYTES, liesAlways),
    new MemorySource("dead", MEGABYTES, {
      connect: () => Promise.reject(new Fault("network", "Cannot connect to dead: refused")),
    }),
  ]);
  assertEquals(error.kind, "network");
  assert(error.message.includes("Cannot connect to dead"), error.message);
});

Deno.test("download: a source that dies midway leaves the rest to the other", async () => {
  let runs = 0;
  const dying = new MemorySource("dying", MEGABYTES, {
    connect: () => {
      if (runs > 0) throw new Fault("network", "Cannot connect to dying: refused");
    },
    chunks: (right) => {
      if (++runs > 1) throw new Fault("network", "dying closed the connection");
      return right;
    },
  });
  await downloaded(MEGABYTES, [dying, new MemorySource("honest", MEGABYTES)]);
});

Deno.test("download: a source that dies again and again, but brings something, is kept", async () => {
  let calls = 0;
  const source = new MemorySource("shaky", MEGABYTES, {
    chunks: (right) => {
      if (++calls % 2 === 0) throw new Fault("network", "shaky closed the connection");
      return right;
    },
  });
  await downloaded(MEGABYTES, [source]);
  assert(source.connects > 1 && source.receipt.retries > 0);
});

Deno.test("download: a source that only fails is given up after four tries", async () => {
  const source = new MemorySource("dead", MEGABYTES, {
    connect: () => Promise.reject(new Fault("network", "Cannot connect to dead: refused")),
  });
  const { error } = await failed(MEGABYTES, [source]);
  assertEquals([error.kind, source.connects], ["network", 4]);
  assertEquals(error.message, "every source was lost: Cannot connect to dead: refused");
});

Deno.test("download: a refusal is final, unless the source is only busy", async () => {
  for (const [code, connects] of [["not_shared", 1], ["changed", 1], ["busy", 4]] as const) {
    const source = new MemorySource("it", MEGABYTES, {
      chunks: () => Promise.reject(refusal(code)),
    });
    const { error } = await failed(MEGABYTES, [source]);
    assertEquals([error.kind, source.connects], ["network", connects], code);
    assertEquals(source.receipt.dropped, `it refused: ${code}`);
  }
});

Deno.test("download: beyond those used at a time, sources wait for their turn", async () => {
  let open = 0;
  const dead = Array.from(
    { length: 2 * SOURCES_AT_ONCE },
    (_, n) =>
      new MemorySource(`${n}`, MEGABYTES, {
        connect: async () => {
          open++;
          assert(open <= SOURCES_AT_ONCE);
          await settle();
          open--;
          throw refusal("not_shared");
        },
      }),
  );
  await downloaded(MEGABYTES, [...dead, new MemorySource("honest", MEGABYTES)]);
});

Deno.test("download: sources that are not needed any more are not waited for", async () => {
  const silent = new MemorySource("silent", MEGABYTES, { connect: () => new Promise(() => {}) });
  await downloaded(MEGABYTES, [silent, new MemorySource("honest", MEGABYTES)]);
  assertEquals(silent.receipt.bytes, 0);
});

Deno.test("download: a sink that fails ends it at once, with that failure", async () => {
  const full = new Fault("disk", "no space left on the device");
  const file = new MemoryFile(patterned(40 * MIB));
  let stores = 0;
  const sink: Sink = {
    horizon: Infinity,
    store: (_position, { buffer }) =>
      ++stores === 2 ? Promise.reject(full) : Promise.resolve({ bad: [], buffer }),
  };
  const sources = ["a", "b"].map((name) => new MemorySource(name, file));
  const { error } = await failed(file, sources, { sink });
  assertStrictEquals(error, full);
  assert(stores <= sources.length * RUNS_IN_FLIGHT + 1, `${stores} stores: no more are begun`);
  for (const { receipt } of sources) assertEquals(receipt.dropped, undefined, "no fault of theirs");
});

Deno.test("download: once it has ended, nothing more is stored", async () => {
  const reason = new Fault("deadline", "too late");
  const abort = new AbortController();
  const page = Promise.withResolvers<Bytes>();
  const source = new MemorySource("a", MEGABYTES, { digests: () => page.promise });
  const running = failed(MEGABYTES, [source], { signal: abort.signal });
  await settle();
  // What it takes to verify the chunks is there, but not looked at yet.
  page.resolve(concat([MEGABYTES.tree.top]));
  abort.abort(reason);
  const { error, sink, told } = await running;
  assertStrictEquals(error, reason);
  assertEquals([sink.written.size, told], [0, 0]);
});

Deno.test("download: bad chunks that touch are asked for together, those apart on their own", async () => {
  const met = Promise.withResolvers<void>();
  const bad = [2, 3, 4, 9, 15];
  const liar = new MemorySource("liar", MEGABYTES, {
    chunks: async (right, { first }) => {
      await met.promise;
      return first > 0 ? right : bad.reduce((bytes, at) => flip(bytes, at * CHUNK), right);
    },
  });
  const honest = new MemorySource("honest", MEGABYTES, { connect: () => met.resolve() });
  const { tally } = await downloaded(MEGABYTES, [liar, honest]);
  assertEquals([liar.receipt.bad_chunks, liar.receipt.retries >= 1, tally.refetched], [5, true, 5]);
  const again = honest.asked.filter(({ first, count }) => first < 16 && count < 16);
  assertEquals(again, [
    { first: 2, count: 3 },
    { first: 9, count: 1 },
    { first: 15, count: 1 },
  ]);
});

Deno.test("download: a wrong short last chunk is asked for again alone", async () => {
  let lies = 1;
  const source = new MemorySource("a", MEGABYTES, {
    chunks: (right, { first, count }) =>
      first + count === 65 && lies-- > 0 ? flip(right, right.length - 1) : right,
  });
  const { tally } = await downloaded(MEGABYTES, [source]);
  assertEquals([source.receipt.bad_chunks, tally.refetched], [1, 1]);
  assertEquals(source.asked.filter(({ first }) => first === 64).map(({ count }) => count), [1, 1]);
});

Deno.test("download: what is told is never nothing, even of a run that is all wrong", async () => {
  let lies = 2;
  const told: number[] = [];
  const source = new MemorySource("a", MEGABYTES, {
    chunks: (right) => lies-- > 0 ? new Uint8Array(right.length) : right,
  });
  const { error } = await download(MEGABYTES, [source], { onBytes: (bytes) => told.push(bytes) });
  if (error) throw error;
  assert(told.every((bytes) => bytes > 0), `${told}`);
  assertEquals(told.reduce((sum, bytes) => sum + bytes, 0), MEGABYTES.size);
});

Deno.test("download: stopped, before or midway, it ends with the reason", async () => {
  const reason = new Fault("deadline", "too late");
  const before = new MemorySource("a", MEGABYTES);
  const early = await failed(MEGABYTES, [before], { signal: AbortSignal.abort(reason) });
  assertStrictEquals(early.error, reason);
  assertEquals(before.connects, 0);
  const abort = new AbortController();
  const midway = new MemorySource("a", MEGABYTES, {
    chunks: (right, { first }) => {
      if (first === 0) return right;
      abort.abort(reason);
      return new Promise(() => {});
    },
  });
  const late = await failed(MEGABYTES, [midway], { signal: abort.signal });
  assertStrictEquals(late.error, reason);
  assertEquals(midway.receipt.dropped, undefined);
});

Deno.test("download: with one honest source among any others, it always comes through", async () => {
  let calls = 0;
  const conducts: (() => Conduct)[] = [
    () => ({}),
    () => liesAlways,
    () => liesInChunk(7),
    () => ({ digests: (right) => flip(right, 0) }),
    () => ({ chunks: (right) => right.subarray(1) }),
    () => ({ chunks: () => Promise.reject(refusal("not_shared")) }),
    () => ({
      chunks: (right) => ++calls % 3 ? right : Promise.reject(new Fault("network", "gone")),
    }),
    () => ({ connect: () => Promise.reject(new Fault("network", "nobody there")) }),
    () => ({ connect: () => new Promise(() => {}) }),
    () => ({ digests: () => Promise.reject(refusal("busy")) }),
  ];
  const others = fc.array(fc.nat({ max: conducts.length - 1 }), { maxLength: 10 });
  await fc.assert(
    fc.asyncProperty(
      others,
      fc.nat({ max: 10 }),
      fc.nat({ max: 3 * MIB }),
      async (kinds, at, size) => {
        const file = new MemoryFile(patterned(size, size + 1));
        const sources = kinds.map((kind, n) => new MemorySource(`s${n}`, file, conducts[kind]()));
        sources.splice(at, 0, new MemorySource("honest", file));
        await downloaded(file, sources);
      },
    ),
    { numRuns: 40 },
  );
});

// Output in order

/** An output whose reader takes what it likes. */
function orderedOutput() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const failures: Fault[] = [];
  let advances = 0;
  const output = new OrderedOutput(writable, () => advances++, (error) => failures.push(error));
  return { output, readable, failures, advances: () => advances };
}

Deno.test("ordered output: nothing passes before its turn", async () => {
  const { output, readable, advances } = orderedOutput();
  const reader = readable.getReader();
  const content = patterned(3 * CHUNK);
  await output.store(2 * CHUNK, payloadOf(content.slice(2 * CHUNK)));
  await output.store(CHUNK, payloadOf(content.slice(CHUNK, 2 * CHUNK)));
  let first: Uint8Array | undefined;
  const reading = reader.read().then(({ value }) => first = value);
  await settle();
  assertEquals([first, advances()], [undefined, 0]);
  await output.store(0, payloadOf(content.slice(0, CHUNK)));
  await reading;
  assertSameBytes(first!, content.subarray(0, CHUNK));
  const finished = output.finish();
  assertSameBytes((await reader.read()).value!, content.subarray(CHUNK, 2 * CHUNK));
  assertSameBytes((await reader.read()).value!, content.subarray(2 * CHUNK));
  assert((await reader.read()).done);
  await finished;
  assertEquals(advances(), 3);
});

Deno.test("ordered output: any order of parts, any pauses, gives the content", async () => {
  const content = patterned(100_000);
  const parts = Array.from({ length: 10 }, (_, at) => at * 10_000);
  const order = fc.shuffledSubarray(parts, { minLength: parts.length });
  await fc.assert(
    fc.asyncProperty(
      order,
      fc.array(fc.boolean(), { minLength: 10, maxLength: 10 }),
      async (starts, pauses) => {
        const { output, readable } = orderedOutput();
        const reading = Array.fromAsync(readable);
        for (const [index, at] of starts.entries()) {
          await output.store(at, payloadOf(content.slice(at, at + 10_000)));
          if (pauses[index]) await settle();
        }
        await output.finish();
        assertSameBytes(concat(await reading), content);
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("ordered output: what comes after a wrong chunk waits until it is right", async () => {
  const { output, readable, advances } = orderedOutput();
  const reader = readable.getReader();
  const content = patterned(5 * CHUNK);
  assertEquals((await output.store(0, payloadOf(content, [0, 2]))).bad, [0, 2]);
  const parts: Uint8Array[] = [];
  const reading = (async () => {
    for (let part; !(part = await reader.read()).done;) parts.push(part.value);
  })();
  await settle();
  assertEquals([parts.length, advances()], [0, 0]);
  await output.store(0, payloadOf(content.slice(0, CHUNK)));
  await settle();
  assertSameBytes(concat(parts), content.subarray(0, 2 * CHUNK));
  assertEquals(output.horizon, OUTPUT_WINDOW + 2 * CHUNK);
  await output.store(2 * CHUNK, payloadOf(content.slice(2 * CHUNK, 3 * CHUNK)));
  await output.finish();
  await reading;
  assertSameBytes(concat(parts), content);
});

Deno.test("ordered output: the horizon moves only with what was passed on", async () => {
  const { output, readable } = orderedOutput();
  assertEquals(output.horizon, OUTPUT_WINDOW);
  await output.store(MIB, payloadOf(new Uint8Array(MIB)));
  await settle();
  assertEquals(output.horizon, OUTPUT_WINDOW);
  await output.store(0, payloadOf(new Uint8Array(MIB)));
  const reading = Array.fromAsync(readable);
  await output.finish();
  assertEquals(output.horizon, OUTPUT_WINDOW + 2 * MIB);
  await reading;
});

Deno.test("ordered output: a reader that goes away is a disk fault, told at once", async () => {
  const { output, readable, failures } = orderedOutput();
  await readable.cancel(new Error("the pipe is closed"));
  await settle();
  assertEquals(failures.length, 1);
  assertEquals(failures[0].kind, "disk");
  assert(failures[0].message.includes("the pipe is closed"), failures[0].message);
  await faultOf("disk", output.store(0, payloadOf(new Uint8Array(1))));
  await faultOf("disk", output.finish());
  await output.abort(new Error("over"));
});

Deno.test("ordered output: an output that fails, at first or at last, fails the download", async () => {
  for (const failAt of [1, 3]) {
    let writes = 0;
    const failures: Fault[] = [];
    const writable = new WritableStream<Uint8Array>({
      write: () => {
        if (++writes === failAt) throw new Error("broken pipe");
      },
    });
    const output = new OrderedOutput(writable, () => {}, (error) => failures.push(error));
    for (const at of [2, 1, 0]) await output.store(at, payloadOf(new Uint8Array(1)));
    const fault = await faultOf("disk", output.finish(), "Cannot write the output: broken pipe");
    assertStrictEquals(failures[0], fault);
  }
});

Deno.test("ordered output: aborted, its reader is told why", async () => {
  const { output, readable } = orderedOutput();
  const reason = new Fault("integrity", "every source was lost");
  const reading = faultOf("integrity", Array.fromAsync(readable));
  await output.abort(reason);
  assertStrictEquals(await reading, reason);
});

Deno.test("ordered output: a slow reader slows the download, which then comes through", async () => {
  const file = new MemoryFile(patterned(40 * MIB));
  const served = Promise.withResolvers<void>();
  let runs = 0;
  const source = new MemorySource("a", file, {
    chunks: (right) => {
      if (++runs === OUTPUT_WINDOW / MIB) served.resolve();
      return right;
    },
  });
  await using state = await newState();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const sink: OrderedOutput = new OrderedOutput(
    writable,
    () => downloader.wake(),
    (error) => downloader.fail(error),
  );
  const downloader: Downloader = new Downloader({
    ...{ id: file.id, size: file.size, digests: state.digests, sources: [source], sink },
  });
  const running = downloader.run().then(() => sink.finish());
  await served.promise;
  await settle();
  const ahead = OUTPUT_WINDOW / MIB;
  assert(runs <= ahead + 1, `${runs} runs, and nobody has read any`);
  const parts: Uint8Array[] = [];
  let read = 0;
  for await (const part of readable) {
    parts.push(part);
    read += part.length;
    const furthest = Math.max(...source.asked.map(({ first, count }) => (first + count) * CHUNK));
    assert(furthest <= read + OUTPUT_WINDOW + 2 * MIB, `${furthest} is asked for at ${read}`);
  }
  await running;
  assertSameBytes(concat(parts), file.content);
});

// Both sinks

sinkContract("partial file", async (size) => {
  const folder = await TempFolder.create();
  const disk = new Disk();
  const partial = PartialFile.create(folder.at("partials"), { id: "ab".repeat(32), size }, disk);
  return {
    sink: partial,
    finish: async () => {
      await partial.publish(folder.at("file"), { mtime: 0, overwrite: false });
      return await Deno.readFile(folder.at("file"));
    },
    [Symbol.asyncDispose]: async () => {
      await partial.discard();
      disk.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
});

sinkContract("ordered output", () => {
  const { output, readable } = orderedOutput();
  const reading = Array.fromAsync(readable);
  return Promise.resolve({
    sink: output,
    finish: async () => {
      await output.finish();
      return concat(await reading);
    },
    [Symbol.asyncDispose]: () => output.abort(new Error("over")),
  });
});

// Serving, over real sockets

const SELF = { agent: "test/1", peer: "cd".repeat(32) };

/** A peer that does nothing but serve one file. */
async function servingPeer(content: Bytes) {
  const folder = await TempFolder.create();
  const state = new State(folder.at("state.db"));
  const path = await folder.write("shared/file", content);
  const share = await state.share(path, "a/file");
  const served: number[] = [];
  const changed: string[] = [];
  const uploader = new Uploader({
    ...{ self: { agent: "served/1", peer: "ab".repeat(32) }, digests: state.digests },
    ...{ library: state.library, reader: state.reader },
    onServed: (_share, bytes) => served.push(bytes),
    onChanged: (it) => {
      it.available = false;
      changed.push(it.announcement.name);
    },
  });
  const listener = new Listener(
    { host: "127.0.0.1", port: 0 },
    (connection) => uploader.serve(connection),
  );
  const { address } = listener;
  let stopped: Promise<void> | undefined;
  const stop = () => stopped ??= listener.stop();
  return {
    ...{ folder, state, path, share, served, changed, address, stop },
    id: share.announcement.id,
    source: () => new PeerSource(share.announcement.id, address, SELF),
    [Symbol.asyncDispose]: async () => {
      await stop();
      state[Symbol.dispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const never = new AbortController().signal;

Deno.test("peer to peer: a file comes over, from two peers at a time", async () => {
  const content = patterned(6 * MIB + 1);
  await using one = await servingPeer(content);
  await using two = await servingPeer(content);
  await using state = await newState();
  const sink = new MemorySink(content.length);
  const sources = [one.source(), two.source()];
  await new Downloader({
    ...{ id: one.id, size: content.length, sink, digests: state.digests, sources },
  }).run();
  assertSameBytes(sink.content, content);
  const bytes = (served: number[]) => served.reduce((a, b) => a + b, 0);
  assert(bytes(one.served) + bytes(two.served) >= content.length);
  const counted = sources.reduce((sum, { receipt }) => sum + receipt.bytes, 0);
  assertEquals(counted, content.length);
  for (const { receipt } of sources) {
    assertEquals([receipt.bad_chunks, receipt.dropped], [0, undefined]);
    if (receipt.bytes > 0) assertEquals(receipt.peer, "ab".repeat(32));
  }
});

Deno.test("peer to peer: a peer that is gone while it serves leaves the rest to the other", async () => {
  const content = patterned(8 * MIB);
  await using one = await servingPeer(content);
  await using two = await servingPeer(content);
  await using state = await newState();
  const sink = new MemorySink(content.length);
  await new Downloader({
    ...{ id: one.id, size: content.length, sink, digests: state.digests },
    sources: [one.source(), two.source()],
    onBytes: () => void one.stop(),
    backoff: { first: 1, longest: 2 },
  }).run();
  assertSameBytes(sink.content, content);
});

Deno.test("peer source: runs and pages, and again after it was closed", async () => {
  const content = patterned(3 * CHUNK + 7);
  await using peer = await servingPeer(content);
  const source = peer.source();
  const into = new Uint8Array(4 * CHUNK);
  for (let round = 0; round < 2; round++) {
    await source.connect(never);
    assertSameBytes(await source.chunks({ first: 0, count: 4 }, into), content);
    assertSameBytes(await source.chunks({ first: 3, count: 1 }, into), content.subarray(3 * CHUNK));
    assertEquals((await source.digests(0, 0)).length, 4 * 32);
    source.close();
    await faultOf("network", source.chunks({ first: 0, count: 1 }, into), "closed");
  }
  assertEquals(peer.served, [content.length, 7, content.length, 7]);
});

Deno.test("peer source: refusals have a code, and the connection lives on", async () => {
  await using peer = await servingPeer(patterned(3 * CHUNK));
  const other = new PeerSource("ef".repeat(32), peer.address, SELF);
  const source = peer.source();
  await other.connect(never);
  await source.connect(never);
  const into = new Uint8Array(MIB);
  const refused: [Promise<unknown>, string][] = [
    [other.digests(0, 0), "not_shared"],
    [other.chunks({ first: 0, count: 1 }, into), "not_shared"],
    [source.chunks({ first: 3, count: 1 }, into), "out_of_range"],
    [source.chunks({ first: 2, count: 2 }, into), "out_of_range"],
    [source.digests(0, 1), "out_of_range"],
    [source.digests(1, 0), "out_of_range"],
  ];
  const failures = await Promise.all(
    refused.map(([asked]) => faultOf("network", asked, "refused")),
  );
  for (const [index, [, code]] of refused.entries()) {
    assertEquals((failures[index] as Refusal).code, code);
  }
  assertEquals((await source.chunks({ first: 2, count: 1 }, into)).length, CHUNK);
  source.close();
  other.close();
});

Deno.test("peer source: a file that changed is not served, and is withdrawn once", async () => {
  await using peer = await servingPeer(patterned(3 * CHUNK));
  const source = peer.source();
  await source.connect(never);
  const into = new Uint8Array(MIB);
  await source.chunks({ first: 0, count: 1 }, into);
  await Deno.writeFile(peer.path, patterned(3 * CHUNK + 1, 2));
  const first = await faultOf("network", source.chunks({ first: 0, count: 1 }, into));
  const second = await faultOf("network", source.chunks({ first: 0, count: 1 }, into));
  assertEquals([(first as Refusal).code, (second as Refusal).code], ["changed", "not_shared"]);
  assertEquals(peer.changed, ["a/file"]);
  assertEquals(peer.served, [CHUNK]);
  source.close();
});

Deno.test("peer source: pages that the store has lost are refused, not made up", async () => {
  await using peer = await servingPeer(patterned(CHUNK));
  peer.state.db.run("DELETE FROM digest_pages");
  const source = peer.source();
  await source.connect(never);
  const refused = await faultOf("network", source.digests(0, 0));
  assertEquals((refused as Refusal).code, "unreadable");
  source.close();
});

Deno.test("peer source: a run larger than was asked for is refused before it is read", async () => {
  await using callee = new Scripted(async (end) => {
    const { id } = await end.line();
    await end.send({ action: "hello", id, protocol: 1, agent: "x", peer: "ab".repeat(32) });
    const request = await end.line();
    await end.send({ action: "chunks", id: request.id, payload: MIB });
    await end.closed();
  });
  const source = new PeerSource("ab".repeat(32), callee.address, SELF);
  await source.connect(never);
  const asked = source.chunks({ first: 0, count: 1 }, new Uint8Array(CHUNK));
  await faultOf("network", asked, "sent 1048576 bytes where at most 65536 were asked for");
});

Deno.test("peer source: connecting where nobody is, or no peer, is a fault of the network", async () => {
  const nobody = new PeerSource("ab".repeat(32), { host: "127.0.0.1", port: closedPort() }, SELF);
  await faultOf("network", nobody.connect(never), "connection refused");
  await using web = new Scripted((end) => end.send("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await faultOf("network", new PeerSource("ab".repeat(32), web.address, SELF).connect(never));
});

Deno.test("uploader: by hand, as documented", async () => {
  const content = patterned(CHUNK + 10);
  await using peer = await servingPeer(content);
  using end = await RawEnd.connect(peer.address);
  await end.send({ action: "hello", id: 1, protocol: 1, agent: "hand" });
  assertEquals(await end.line(), {
    ...{ action: "hello", id: 1, protocol: 1, agent: "served/1", peer: "ab".repeat(32) },
  });
  await end.send(
    { action: "get_digests", id: 2, file: peer.id, level: 0, page: 0 },
    { action: "get_chunks", id: 3, file: peer.id, first: 0, count: 2 },
  );
  assertEquals(await end.line(), { action: "digests", id: 2, payload: 64 });
  assertEquals((await end.bytes(64)).length, 64);
  assertEquals(await end.line(), { action: "chunks", id: 3, payload: content.length });
  assertSameBytes(await end.bytes(content.length), content);
});

Deno.test("uploader: the seed's dialect, by hand", async () => {
  const content = patterned(CHUNK + 10);
  await using peer = await servingPeer(content);
  using end = await RawEnd.connect(peer.address);
  await end.send({ action: "file_request", filename: "a/file" });
  const info = await end.line();
  assertEquals([info.chunk_size, info.num_chunks], [CHUNK, 2]);
  assertEquals(info.chunk_hashes.length, 2);
  await end.send({ action: "get_chunk", filename: "a/file", chunk_index: 1 });
  const { data, ...rest } = await end.line();
  assertEquals(rest, { action: "chunk_data", filename: "a/file", chunk_index: 1 });
  assertSameBytes(Uint8Array.fromBase64(data), content.subarray(CHUNK));
  const missing: [object, string][] = [
    [{ action: "file_request", filename: "other" }, "File not found"],
    [{ action: "file_request", filename: "../file" }, "File not found"],
    [{ action: "get_chunk", filename: "a/file", chunk_index: 2 }, "Invalid chunk index"],
    [{ action: "get_chunk", filename: "a/file", chunk_index: -1 }, "Unknown action"],
    [{ action: "dance" }, "Unknown action"],
  ];
  for (const [request, message] of missing) {
    await end.send(request);
    assertEquals(await end.line(), { action: "error", message });
  }
});

Deno.test("seed source: a file known by its name alone, at every boundary", async () => {
  for (const size of [0, 1, 65_535, 65_536, 65_537, 3 * CHUNK + 1]) {
    const content = patterned(size, size + 1);
    await using peer = await servingPeer(content);
    await using state = await newState();
    const source = new SeedSource(peer.address, "a/file");
    assertEquals(await source.describe(state.digests), { id: peer.id, size });
    const sink = new MemorySink(size);
    await new Downloader({
      ...{ id: peer.id, size, sink, digests: state.digests, sources: [source] },
    }).run();
    assertSameBytes(sink.content, content);
    assertEquals(await new SeedSource(peer.address, "x").describe(state.digests), undefined);
  }
});

Deno.test("seed source: wrong data is a lie, and no page of a broken list is kept", async () => {
  const hash = "ab".repeat(32);
  const info = { action: "file_info", filename: "f", chunk_size: CHUNK };
  const replies: [object, object, "integrity" | "network"][] = [
    [{ ...info, num_chunks: 1, chunk_hashes: [hash] }, { data: "" }, "integrity"],
    [{ ...info, num_chunks: 1, chunk_hashes: [hash] }, { data: "!!!" }, "integrity"],
    [{ ...info, num_chunks: 1, chunk_hashes: ["zz"] }, { data: "AAAA" }, "network"],
    [{ ...info, num_chunks: 5, chunk_hashes: [hash] }, { data: "AAAA" }, "network"],
  ];
  for (const [listing, chunk, kind] of replies) {
    await using state = await newState();
    await using seed = new Scripted(async (end) => {
      const { action, filename, chunk_index } = await end.line();
      if (action === "file_request") await end.send(listing);
      else await end.send({ action: "chunk_data", filename, chunk_index, ...chunk });
    });
    await faultOf(kind, new SeedSource(seed.address, "f").describe(state.digests));
    assertEquals(state.keptFor(), []);
  }
});

Deno.test("listener: a port in use is named, and stopping frees it", async () => {
  const listener = new Listener({ host: "127.0.0.1", port: 0 }, () => Promise.resolve());
  const { port } = listener.address;
  const again = () => new Listener({ host: "127.0.0.1", port }, () => Promise.resolve());
  await faultOf("network", again, `Cannot listen on 127.0.0.1:${port}: the port is in use`);
  await listener.stop();
  await again().stop();
});

Deno.test("listener: one that breaks the rules disturbs nobody else", async () => {
  await using peer = await servingPeer(patterned(CHUNK));
  using garbage = await RawEnd.connect(peer.address);
  using silent = await RawEnd.connect(peer.address);
  await garbage.send("[".repeat(70_000)).catch(() => {});
  await garbage.closed();
  const source = peer.source();
  await source.connect(never);
  assertEquals((await source.chunks({ first: 0, count: 1 }, new Uint8Array(CHUNK))).length, CHUNK);
  source.close();
  silent.close();
});
