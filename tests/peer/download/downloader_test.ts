/** One download: its course, and its end. Liars are for download_liars_test.ts. */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { PIECE_CHUNKS, PIECE_SIZE, PieceMap } from "../../../src/content/piece_map.ts";
import { Fault } from "../../../src/fault.ts";
import { Downloader } from "../../../src/peer/download/downloader.ts";
import { OrderedOutput } from "../../../src/peer/download/ordered_output.ts";
import type { Sink } from "../../../src/store/disk/sink.ts";
import { assertSameBytes, type Bytes, concat, patterned } from "../../support/bytes.ts";
import {
  download,
  downloaded,
  failed,
  flip,
  gate,
  liesIn,
  refusal,
} from "../../support/download.ts";
import { MemorySink } from "../../support/memory_sink.ts";
import { type Conduct, MemoryFile, MemorySource, tallFile } from "../../support/memory_source.ts";
import { newState } from "../../support/new_state.ts";
import { settle } from "../../support/settle.ts";

const MIB = 1 << 20;
const MEGABYTES = new MemoryFile(patterned(4 * MIB + 5));

const nobodyThere: Conduct = {
  connect: () => Promise.reject(new Fault("network", "Cannot connect to dead: refused")),
};

Deno.test("download: one source, at every boundary", async () => {
  const at = [65_536, PIECE_SIZE, MIB].flatMap((
    boundary,
  ) => [boundary - 1, boundary, boundary + 1]);
  for (const size of [0, 1, ...at, 4 * MIB + 5]) {
    const file = new MemoryFile(patterned(size, size + 1));
    const source = new MemorySource("a", file);
    const { tally } = await downloaded(file, [source]);
    assertEquals([source.receipt.bytes, tally.refetched], [size, 0]);
    assertEquals([source.receipt.dropped, source.receipt.retries], [undefined, 0]);
    assertEquals(source.connects, size > 0 ? 1 : 0);
  }
});

Deno.test("download: a file of several blocks of digests", async () => {
  await downloaded(tallFile(), [new MemorySource("a", tallFile())]);
});

Deno.test("download: from whatever piece it goes on, each chunk is held against its own digest", async () => {
  const file = tallFile();
  for (const there of [1, 2, 3]) {
    const map = new PieceMap(file.pieces);
    for (let piece = 0; piece < there; piece++) map.add(piece);
    const source = new MemorySource("a", file);
    const sink = new MemorySink(file.size, map);
    const { error, tally } = await download(file, [source], { sink });
    assertEquals([error, tally.refetched, source.receipt.bad_chunks], [undefined, 0, 0]);
  }
});

Deno.test("download: an empty file needs no source, but its own id", async () => {
  const empty = new MemoryFile(new Uint8Array());
  await downloaded(empty, []);
  const { error } = await failed(empty, [], { id: "ab".repeat(32) });
  assertEquals(error.kind, "integrity");
});

Deno.test("download: what is there already is not fetched", async () => {
  const whole = new MemorySource("a", MEGABYTES);
  const all = new MemorySink(MEGABYTES.size, PieceMap.full(MEGABYTES.pieces));
  assertEquals((await download(MEGABYTES, [whole], { sink: all })).error, undefined);
  assertEquals([whole.connects, all.written.size], [0, 0]);
  const source = new MemorySource("a", MEGABYTES);
  const map = new PieceMap(MEGABYTES.pieces);
  for (const piece of [0, 3]) map.add(piece);
  const missing = Array.from({ length: map.pieces }, (_, piece) => piece).filter((piece) =>
    !map.has(piece)
  );
  const sink = new MemorySink(MEGABYTES.size, map);
  const { error, told, tally } = await download(MEGABYTES, [source], { sink });
  assertEquals([error, told, tally.fetched], [
    undefined,
    MEGABYTES.size - 2 * PIECE_SIZE,
    65 - 2 * PIECE_CHUNKS,
  ]);
  assertEquals(sink.done.toSorted((a, b) => a - b), missing);
  const chunks = source.asked.flatMap(({ first, count }) =>
    Array.from({ length: count }, (_, index) => first + index)
  );
  const pieces = new Set(chunks.map((chunk) => Math.floor(chunk / PIECE_CHUNKS)));
  assertEquals([...pieces].toSorted((a, b) => a - b), missing);
  assert(map.complete, "the sink's map is the one that is kept");
});

Deno.test("download: only the chunks of a range, in order", async () => {
  const chunks = Math.ceil(MEGABYTES.size / 65_536);
  const ranges = fc.tuple(fc.nat(chunks - 1), fc.integer({ min: 1, max: chunks }));
  await fc.assert(
    fc.asyncProperty(ranges, async ([first, most]) => {
      await using state = await newState();
      const count = Math.min(most, chunks - first);
      const source = new MemorySource("a", MEGABYTES);
      const passed: Bytes[] = [];
      const output = new WritableStream<Bytes>({ write: (bytes) => void passed.push(bytes) });
      const sink = new OrderedOutput(output, () => downloader.wake(), () => {}, first * 65_536);
      const downloader: Downloader = new Downloader({
        ...{ id: MEGABYTES.id, size: MEGABYTES.size, sink, digests: state.digests },
        ...{ sources: [source], only: { first, count }, waitMs: 1 },
      });
      await downloader.run();
      await sink.finish();
      assertSameBytes(concat(passed), MEGABYTES.chunks({ first, count }));
      assertEquals([downloader.tally.fetched, source.receipt.retries], [count, 0]);
    }),
    { numRuns: 30 },
  );
});

Deno.test("download: a source that dies midway leaves the rest to the other", async () => {
  let calls = 0;
  const dying = new MemorySource("dying", MEGABYTES, {
    connect: () => {
      if (calls > 0) throw new Fault("network", "Cannot connect to dying: refused");
    },
    chunks: (right) => {
      if (++calls === 3) dying.close();
      return calls < 3 ? right : new Promise(() => {});
    },
  });
  const met = gate();
  const honest = new MemorySource("honest", MEGABYTES, {
    chunks: async (right) => {
      await met.passed;
      return right;
    },
  });
  const running = downloaded(MEGABYTES, [dying, honest]);
  await settle();
  met.open();
  await running;
  assert(dying.receipt.retries > 0, "what it was asked for went elsewhere");
  assertEquals(dying.receipt.bytes + honest.receipt.bytes, MEGABYTES.size);
});

Deno.test("download: a source that dies again and again, but brings something, is kept", async () => {
  let calls = 0;
  const source = new MemorySource("shaky", MEGABYTES, {
    chunks: (right) => {
      if (++calls % 2 === 0) throw new Fault("network", "shaky closed the connection");
      return right;
    },
  });
  await downloaded(MEGABYTES, [source], { waitMs: 60_000 });
  assert(source.connects > 1 && source.receipt.retries > 0);
});

Deno.test("download: a source that only fails is given up after four tries", async () => {
  const source = new MemorySource("dead", MEGABYTES, nobodyThere);
  const { error } = await failed(MEGABYTES, [source], { waitMs: 3_000 });
  assertEquals([error.kind, source.connects], ["network", 4]);
  assertEquals(error.message, "every source was lost: Cannot connect to dead: refused");
});

Deno.test("download: a refusal is final, unless the source is only busy", async () => {
  const refuses = async (
    code: "not_shared" | "changed" | "busy",
    connects: number,
    what: string,
  ) => {
    const source = new MemorySource("it", MEGABYTES, {
      [what]: () => Promise.reject(refusal(code)),
    });
    const { error } = await failed(MEGABYTES, [source], { waitMs: 3_000 });
    assertEquals([error.kind, source.connects], ["network", connects], code);
    assertEquals(source.receipt.dropped, `it refused: ${code}`);
  };
  await Promise.all(["have", "chunks"].flatMap((what) => [
    refuses("not_shared", 1, what),
    refuses("changed", 1, what),
    refuses("busy", 4, what),
  ]));
});

Deno.test("download: eight are connected to at a time, and the dead don't keep out the living", async () => {
  let [open, most] = [0, 0];
  const tries: Promise<void>[] = [];
  const connect = async () => {
    most = Math.max(most, ++open);
    tries.push(settle());
    await tries.at(-1);
    open--;
    throw new Fault("network", "nobody there");
  };
  const dead = Array.from(
    { length: 20 },
    (_, n) => new MemorySource(`${n}`, MEGABYTES, { connect }),
  );
  let triedAgain = -1;
  const honest = new MemorySource("honest", MEGABYTES, {
    connect: () => void (triedAgain = dead.filter(({ connects }) => connects > 1).length),
  });
  await downloaded(MEGABYTES, [...dead, honest], { backoff: { first: 1, longest: 1 } });
  await Promise.all(tries);
  assertEquals([most, triedAgain], [8, 0]);
});

Deno.test("download: sources that are not needed any more are not waited for", async () => {
  const never = () => new Promise<never>(() => {});
  const silent = (["connect", "have", "digests", "chunks"] as const)
    .map((what) => new MemorySource(what, MEGABYTES, { [what]: never }));
  await downloaded(MEGABYTES, [...silent, new MemorySource("honest", MEGABYTES)]);
  for (const { receipt } of silent.slice(0, 2)) assertEquals(receipt.bytes, 0);
});

Deno.test("download: who says what it has only after the end is not asked", async () => {
  const late = gate();
  const source = new MemorySource("late", MEGABYTES);
  // It answers although it was closed, as one that is not over a socket may.
  source.have = async () => {
    await late.passed;
    return PieceMap.full(MEGABYTES.pieces);
  };
  Object.defineProperty(source, "ended", { value: new Promise(() => {}) });
  const { close } = source;
  source.close = () => {
    close.call(source);
    late.open();
  };
  const { error } = await download(MEGABYTES, [source, new MemorySource("b", MEGABYTES)]);
  assertEquals(error, undefined);
  assertEquals(source.asked, []);
});

Deno.test("download: a sink that fails ends it at once, with that failure", async () => {
  const full = new Fault("disk", "no space left on the device");
  const file = new MemoryFile(patterned(40 * MIB));
  let stores = 0;
  let storesAtFailure = 0;
  const sink: Sink = {
    horizon: Infinity,
    store: (_position, { buffer }) => {
      if (++stores !== 2) return Promise.resolve({ bad: [], buffer });
      setTimeout(() => storesAtFailure = stores);
      return Promise.reject(full);
    },
  };
  const sources = ["a", "b"].map((name) => new MemorySource(name, file));
  const { error } = await failed(file, sources, { sink });
  assertStrictEquals(error, full);
  // What had come by then was begun; the next turn of the event loop begins nothing.
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(stores, storesAtFailure, "no more are begun");
  assert(stores < file.pieces, `${stores} stores: not all that there is`);
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

Deno.test("download: stopped, before or midway, it ends with the reason", async () => {
  const reason = new Fault("deadline", "too late");
  const before = new MemorySource("a", MEGABYTES);
  const early = await failed(MEGABYTES, [before], { signal: AbortSignal.abort(reason) });
  assertStrictEquals(early.error, reason);
  assertEquals(before.connects, 0);
  const abort = new AbortController();
  let calls = 0;
  const midway = new MemorySource("a", MEGABYTES, {
    chunks: (right) => {
      if (++calls < 3) return right;
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
  const conducts: ((file: MemoryFile) => Conduct)[] = [
    () => ({}),
    () => ({ chunks: (right) => flip(right, right.length - 1) }),
    () => liesIn(7),
    () => ({ digests: (right) => flip(right, 0) }),
    () => ({ chunks: (right) => right.subarray(1) }),
    () => ({ chunks: () => Promise.reject(refusal("not_shared")) }),
    () => ({ chunks: (right) => ++calls % 3 ? right : Promise.reject(refusal("not_yet")) }),
    () => ({
      chunks: (right) => ++calls % 3 ? right : Promise.reject(new Fault("network", "gone")),
    }),
    () => nobodyThere,
    () => ({ connect: () => new Promise(() => {}) }),
    ({ pieces }) => ({ have: () => PieceMap.from(pieces, new Uint8Array([0b0101_1010, 0b11, 0])) }),
    () => ({ digests: () => Promise.reject(refusal("busy")) }),
  ];
  // Fewer than would keep all connections that may be half open.
  const others = fc.array(fc.nat({ max: conducts.length - 1 }), { maxLength: 7 });
  const size = fc.integer({ min: 4 * MIB + 1, max: 5 * MIB });
  await fc.assert(
    fc.asyncProperty(others, fc.nat({ max: 7 }), size, async (kinds, at, size) => {
      const file = new MemoryFile(patterned(size, size + 1));
      const sources = kinds.map((kind, n) => new MemorySource(`s${n}`, file, conducts[kind](file)));
      sources.splice(at, 0, new MemorySource("honest", file));
      await downloaded(file, sources, { waitMs: 60_000 });
      assertEquals(sources.reduce((sum, { receipt }) => sum + receipt.bytes, 0), size);
    }),
    { numRuns: 40 },
  );
});
