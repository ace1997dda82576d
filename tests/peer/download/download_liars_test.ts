/** Downloads from sources that send what is wrong. */
import { assert, assertEquals } from "@std/assert";
import { Fault } from "../../../src/fault.ts";
import type { Sink } from "../../../src/store/disk/sink.ts";
import { type Bytes, patterned } from "../../support/bytes.ts";
import { download, downloaded, failed, flip, gate, liesIn } from "../../support/download.ts";
import { MemorySink } from "../../support/memory_sink.ts";
import { type Conduct, MemoryFile, MemorySource } from "../../support/memory_source.ts";
import { settle } from "../../support/settle.ts";

const CHUNK = 65_536;
const MIB = 1 << 20;
const MEGABYTES = new MemoryFile(patterned(4 * MIB + 5));
const everyChunk = Array.from({ length: 65 }, (_, chunk) => chunk);

/** A source, and an honest one that brings nothing until the first has been asked for its share. */
function beside(conduct: Conduct, file = MEGABYTES) {
  const met = gate();
  const first = new MemorySource("liar", file, conduct);
  const honest = new MemorySource("honest", file, {
    chunks: async (right) => {
      await met.passed;
      return right;
    },
  });
  const running = downloaded(file, [first, honest]);
  settle().then(met.open);
  return { first, honest, running };
}

Deno.test("liars: one wrong chunk, and it is dropped and named; what was right is kept", async () => {
  const { first, honest, running } = beside(liesIn(...everyChunk.filter((n) => n % 16 === 3)));
  const { tally } = await running;
  assertEquals(first.receipt.dropped, "liar sent a wrong chunk");
  assertEquals(tally.refetched, first.receipt.bad_chunks);
  assert(first.receipt.bad_chunks >= 1 && first.receipt.bad_chunks <= 4);
  assert(first.receipt.bytes >= 3 * CHUNK, "the right chunks beside it");
  assertEquals(first.connects, 1, "never again");
  assertEquals([honest.receipt.dropped, honest.receipt.bad_chunks], [undefined, 0]);
});

Deno.test("liars: what is always wrong brings nothing, costs what it sent, and spoils nothing", async () => {
  const { first, honest, running } = beside({ chunks: (right) => new Uint8Array(right.length) });
  const { tally } = await running;
  assertEquals(first.receipt.dropped, "liar sent a wrong chunk");
  assertEquals([first.receipt.bytes, honest.receipt.bytes], [0, MEGABYTES.size]);
  const sent = first.asked.reduce((sum, { count }) => sum + count, 0);
  assert(tally.refetched <= sent, `${tally.refetched} again for ${sent}`);
  const asked = honest.asked.reduce((sum, { count }) => sum + count, 0);
  assertEquals(asked, 65, "each chunk once");
});

Deno.test("liars: two among five cost no more than what they sent", async () => {
  const file = new MemoryFile(patterned(40 * MIB));
  const wrong: Conduct = { chunks: (right) => flip(right, right.length - 1) };
  const sources = ["a", "liar 1", "b", "liar 2", "c"].map((name) =>
    new MemorySource(name, file, name.startsWith("liar") ? wrong : {})
  );
  const { tally } = await downloaded(file, sources);
  const sent = (liars: boolean) =>
    sources.filter(({ receipt }) => receipt.address.startsWith("liar") === liars)
      .flatMap(({ asked }) => asked).reduce((sum, { count }) => sum + count, 0);
  assert(tally.refetched <= sent(true));
  assert(
    sent(false) <= 640 + 16,
    `${sent(false)} chunks of the honest: one request twice at the end`,
  );
});

Deno.test("liars: what the only one sent is told, though it is being tried again", async () => {
  let connects = 0;
  const source = new MemorySource("liar", MEGABYTES, {
    chunks: (right) => flip(right, 0),
    connect: () => connects++ === 0 ? undefined : new Promise<void>(() => {}),
  });
  const { error } = await failed(MEGABYTES, [source]);
  assertEquals(error.message, "every source was lost: liar sent a wrong chunk");
});

Deno.test("liars: what the only one sent is told, though it is connected again and silent", async () => {
  const source: MemorySource = new MemorySource("liar", MEGABYTES, {
    digests: (right) => source.connects === 1 ? flip(right, 0) : new Promise<Bytes>(() => {}),
  });
  const { error } = await failed(MEGABYTES, [source]);
  assertEquals(source.connects, 2);
  assertEquals(error.message, "every source was lost: liar sent a wrong block of digests");
});

Deno.test("liars: who lies and hangs up at once has lied", async () => {
  const sink = new MemorySink(MEGABYTES.size);
  const slow: Sink = {
    horizon: Infinity,
    map: sink.map,
    store: async (position, payload) => {
      await settle();
      return await sink.store(position, payload);
    },
  };
  const liar = new MemorySource("liar", MEGABYTES, {
    chunks: (right) => {
      // What it sent is not verified yet.
      setTimeout(() => liar.close());
      return flip(right, 0);
    },
  });
  const sources = [liar, new MemorySource("honest", MEGABYTES)];
  const { error } = await download(MEGABYTES, sources, { sink: slow });
  assertEquals([error, liar.connects], [undefined, 1]);
  assertEquals(liar.receipt.dropped, "liar sent a wrong chunk");
});

Deno.test("liars: a wrong block, or a wrong length, is a lie too", async () => {
  const lies: [Conduct, string][] = [
    [{ digests: (right) => flip(right, 0) }, "a wrong block of digests"],
    [{ chunks: (right) => right.subarray(1) }, "bytes in place of"],
    [{ chunks: () => new Uint8Array() }, "0 bytes in place of"],
  ];
  for (const [conduct, why] of lies) {
    const { error } = await failed(MEGABYTES, [new MemorySource("liar", MEGABYTES, conduct)], {
      waitMs: 60_000,
    });
    assertEquals(error.kind, "integrity");
    assert(error.message.includes("every source was lost: liar sent"), error.message);
    assert(error.message.includes(why), error.message);
  }
});

Deno.test("liars: a wrong chunk or two are forgiven when there is nobody else", async () => {
  let lies = 2;
  const source = new MemorySource("a", MEGABYTES, {
    chunks: (right, { first }) => first === 0 && lies-- > 0 ? flip(right, 0) : right,
  });
  const { tally } = await downloaded(MEGABYTES, [source], { waitMs: 60_000 });
  assertEquals([source.receipt.bad_chunks, tally.refetched], [2, 2]);
  assertEquals(source.receipt.dropped, undefined);
});

Deno.test("liars: when all lie, it is the content that is refused, and soon", async () => {
  const liars = ["x", "y"].map((name) => new MemorySource(name, MEGABYTES, liesIn(20)));
  const { error, sink } = await failed(MEGABYTES, liars, { waitMs: 60_000 });
  assertEquals(error.kind, "integrity");
  assert(error.message.includes("x sent") && error.message.includes("y sent"), error.message);
  assert(!sink.written.has(20 * CHUNK));
});

Deno.test("liars: one liar and one lost source are a matter of the network", async () => {
  const { error } = await failed(MEGABYTES, [
    new MemorySource("liar", MEGABYTES, liesIn(...everyChunk)),
    new MemorySource("dead", MEGABYTES, {
      connect: () => Promise.reject(new Fault("network", "Cannot connect to dead: refused")),
    }),
  ]);
  assertEquals(error.kind, "network");
  assert(error.message.includes("Cannot connect to dead"), error.message);
});

Deno.test("liars: bad chunks that touch are asked for together, those apart on their own", async () => {
  const bad = [1, 2, 3, 9, 15];
  const source = new MemorySource("a", new MemoryFile(MEGABYTES.content.slice(0, MIB)), {
    chunks: (right, { first }) => {
      if (source.connects > 1) return right;
      return bad.filter((chunk) => chunk >= first && chunk < first + right.length / CHUNK)
        .reduce((bytes, chunk) => flip(bytes, (chunk - first) * CHUNK), right);
    },
  });
  await downloaded(new MemoryFile(MEGABYTES.content.slice(0, MIB)), [source], { waitMs: 60_000 });
  assertEquals(source.receipt.bad_chunks, 5);
  const again = source.asked.slice(4).toSorted((a, b) => a.first - b.first);
  assertEquals(again, [{ first: 1, count: 3 }, { first: 9, count: 1 }, { first: 15, count: 1 }]);
});

Deno.test("liars: a wrong short last chunk is asked for again alone", async () => {
  let lies = 1;
  const source = new MemorySource("a", MEGABYTES, {
    chunks: (right, { first, count }) =>
      first + count === 65 && lies-- > 0 ? flip(right, right.length - 1) : right,
  });
  const { tally } = await downloaded(MEGABYTES, [source], { waitMs: 60_000 });
  assertEquals([source.receipt.bad_chunks, tally.refetched], [1, 1]);
  const last = source.asked.filter(({ first, count }) => first + count === 65);
  assertEquals(last.length, 2);
  assertEquals(last[1], { first: 64, count: 1 });
});

Deno.test("liars: what is told is never nothing, even of a piece that is all wrong", async () => {
  let lies = 2;
  const told: number[] = [];
  const source = new MemorySource("a", MEGABYTES, {
    chunks: (right) => lies-- > 0 ? new Uint8Array(right.length) : right,
  });
  const onBytes = (bytes: number) => told.push(bytes);
  const { error } = await download(MEGABYTES, [source], { onBytes, waitMs: 60_000 });
  if (error) throw error;
  assert(told.every((bytes) => bytes > 0), `${told}`);
  assertEquals(told.reduce((sum, bytes) => sum + bytes, 0), MEGABYTES.size);
});
