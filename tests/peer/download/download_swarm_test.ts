/**
 * Downloads from several sources: the choice of source for each piece, how far ahead, and what
 * follows when sources change.
 */
import { assert, assertEquals } from "@std/assert";
import { PIECE_CHUNKS, PIECE_SIZE, PieceMap } from "../../../src/content/piece_map.ts";
import { Fault } from "../../../src/fault.ts";
import type { ChunkRequest, Source } from "../../../src/peer/download/source.ts";
import { Budget } from "../../../src/peer/download/budget.ts";
import { Downloader } from "../../../src/peer/download/downloader.ts";
import { OrderedOutput } from "../../../src/peer/download/ordered_output.ts";
import { assertSameBytes, type Bytes, concat, patterned } from "../../support/bytes.ts";
import { downloaded, failed, gate, refusal } from "../../support/download.ts";
import { type Conduct, MemoryFile, MemorySource } from "../../support/memory_source.ts";
import { newState } from "../../support/new_state.ts";
import { settle } from "../../support/settle.ts";

const MIB = 1 << 20;
const FILE = new MemoryFile(patterned(12 * MIB + 5));
const never = () => new Promise<never>(() => {});

/** Runs that a source was asked for, each once. */
const piecesOf = ({ asked }: MemorySource) => {
  const pieces = new Set<number>();
  for (const { first, count } of asked) {
    for (let n = 0; n < count; n++) pieces.add(Math.floor((first + n) / PIECE_CHUNKS));
  }
  return [...pieces].sort((a, b) => a - b);
};

const mapOf = (file: MemoryFile, ...pieces: number[]) => {
  const map = new PieceMap(file.pieces);
  for (const piece of pieces) map.add(piece);
  return map;
};

Deno.test("swarm: two sources both bring something", async () => {
  const both = gate();
  const asked = new Set<string>();
  const sources: MemorySource[] = ["a", "b"].map((name) =>
    new MemorySource(name, FILE, {
      chunks: async (right) => {
        if (asked.add(name).size === 2) both.open();
        await both.passed;
        return right;
      },
    })
  );
  await downloaded(FILE, sources);
  for (const { receipt } of sources) assert(receipt.bytes > 0 && !receipt.dropped, receipt.address);
  assertEquals(sources[0].receipt.bytes + sources[1].receipt.bytes, FILE.size);
});

Deno.test("swarm: of two, the one that is a hundred times slower is asked for little", async () => {
  const file = new MemoryFile(patterned(100 * MIB));
  // For each hundred requests that the quick one answers, the slow one answers one.
  let answers = 0;
  const waiting: (() => void)[] = [];
  const slow = new MemorySource("slow", file, {
    chunks: async (right) => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      return right;
    },
  });
  const quick = new MemorySource("quick", file, {
    chunks: (right) => {
      if (++answers % 100 === 0) waiting.shift()?.();
      return right;
    },
  });
  await downloaded(file, [slow, quick]);
  assert(piecesOf(slow).length * PIECE_SIZE <= 5 * MIB, `${piecesOf(slow)}`);
  assert(quick.receipt.bytes >= 96 * MIB);
  assert(slow.mostInFlight <= MIB);
});

Deno.test("swarm: the last pieces of a source that stalls are brought by another, and taken back", async () => {
  const stalled = new MemorySource("stalled", FILE, { chunks: never });
  const quick = new MemorySource("quick", FILE);
  await downloaded(FILE, [stalled, quick]);
  assertEquals([stalled.receipt.bytes, quick.receipt.bytes], [0, FILE.size]);
  assertEquals(piecesOf(stalled).length * PIECE_SIZE, MIB, "no more than the least window");
});

Deno.test("swarm: what another brought is taken back at once, and the source goes on", async () => {
  const file = new MemoryFile(patterned(7 * PIECE_SIZE));
  const asked = gate();
  // Piece 3 stalls, and the other brings it only then.
  const stalling = new MemorySource("stalling", file, {
    chunks: (right, { first }) => {
      if (first !== 12) return Promise.resolve(right);
      asked.open();
      return never();
    },
  });
  const other = new MemorySource("other", file, {
    have: () => mapOf(file, 3),
    chunks: (right) => asked.passed.then(() => right),
  });
  await downloaded(file, [stalling, other]);
  assertEquals(stalling.cancelled, [{ first: 12, count: 4 }]);
  assertEquals([stalling.connects, stalling.receipt.retries], [1, 0], "nothing against it");
  assertEquals(other.receipt.bytes + stalling.receipt.bytes, file.size);
});

Deno.test("swarm: who comes back again and again and brings nothing is no source", async () => {
  const useless = new MemorySource("useless", FILE, {
    chunks: () => Promise.reject(refusal("not_shared")),
  });
  const find = (_: unknown, found: (sources: Source[]) => void) => {
    found([useless]);
    return Promise.resolve();
  };
  const { error } = await failed(FILE, [useless], { find, waitMs: 5_000 });
  assertEquals(error.kind, "network");
  assert(useless.connects > 1, `${useless.connects}`);
});

Deno.test("swarm: that a file changed is told, though its source no longer knows it when asked again", async () => {
  const all = PieceMap.full(FILE.pieces);
  const changed: MemorySource = new MemorySource("changed", FILE, {
    have: () => changed.connects === 1 ? all : Promise.reject(refusal("not_shared")),
    chunks: () => Promise.reject(refusal("changed")),
  });
  const find = (_: unknown, found: (sources: Source[]) => void) => {
    found([changed]);
    return Promise.resolve();
  };
  const { error } = await failed(FILE, [changed], { find, waitMs: 5_000 });
  assert(changed.connects > 1, `${changed.connects}`);
  assertEquals(error.message, "every source was lost: it refused: changed");
});

Deno.test("swarm: partial sources bring what they have, and more when they have more", async () => {
  const file = new MemoryFile(patterned(12 * PIECE_SIZE + 5));
  const [a, b] = [[0, 2, 4], [1, 3]].map((pieces, n) => {
    return new MemorySource(`${n}`, file, { have: () => mapOf(file, ...pieces) });
  });
  const running = downloaded(file, [a, b]);
  for (let turn = 0; turn < 20; turn++) await settle();
  assertEquals([piecesOf(a), piecesOf(b)], [[0, 2, 4], [1, 3]]);
  for (let piece = 5; piece < 12; piece++) (piece % 3 === 0 ? a : b).gain(piece);
  await settle();
  assertEquals(piecesOf(a), [0, 2, 4, 6, 9], "at once, not at the next tick");
  b.gain(12);
  await running;
  assertEquals(piecesOf(b), [1, 3, 5, 7, 8, 10, 11, 12]);
});

Deno.test("swarm: who told of a piece too early is kept, and others are asked", async () => {
  const early = new MemorySource("early", FILE, {
    chunks: (right, { first }) => first < PIECE_CHUNKS ? Promise.reject(refusal("not_yet")) : right,
  });
  const late = new MemorySource("late", FILE, { have: () => mapOf(FILE, 0) });
  await downloaded(FILE, [early, late]);
  assertEquals([early.connects, early.receipt.dropped], [1, undefined]);
  assertEquals(late.receipt.bytes, PIECE_SIZE);
});

/** A source that has all, but refuses the first piece that it is asked for while others can pass it on. */
function sendingToAnother(file: MemoryFile, refused: (piece: number) => void) {
  const asked: ChunkRequest[] = [];
  const source = new MemorySource("seed", file, {
    // The other one is there before.
    connect: settle,
    chunks: (right, request) => {
      asked.push(request);
      if (asked.length > 1) return right;
      refused(request.first / PIECE_CHUNKS);
      return Promise.reject(refusal("taken"));
    },
  });
  return { source, asked };
}

/** A peer that fetches the file too, and has nothing of it yet. */
function rivalOf(file: MemoryFile) {
  const rival = new MemorySource("rival", file, { have: () => new PieceMap(file.pieces) });
  rival.receipt.peer = "bb".repeat(32);
  return rival;
}

Deno.test("swarm: what a source sends to another first is had from that one", async () => {
  const file = new MemoryFile(patterned(8 * PIECE_SIZE));
  const rival = rivalOf(file);
  const { source, asked } = sendingToAnother(file, (piece) => rival.gain(piece));
  await downloaded(file, [rival, source]);
  assertEquals(asked[0].unlessTaken, true);
  const { first, count } = asked[0];
  assertEquals(rival.asked, [{ first, count }]);
  assertEquals(asked.slice(1).filter((request) => request.first === first), [], "not asked again");
  assertEquals([rival.receipt.bytes, source.receipt.bytes], [PIECE_SIZE, 7 * PIECE_SIZE]);
  assertEquals([source.connects, source.receipt.retries], [1, 0], "nothing against it");
});

Deno.test("swarm: what a source sends to another, and nobody passes on, is asked of it again at last", async () => {
  const file = new MemoryFile(patterned(8 * PIECE_SIZE));
  const rival = rivalOf(file);
  const { source, asked } = sendingToAnother(file, () => {});
  await downloaded(file, [rival, source]);
  const [{ first }] = asked;
  assertEquals(asked.length, 9);
  assertEquals(asked.map(({ first }) => first).lastIndexOf(first), 8, "the others came before");
  assertEquals(asked.map(({ unlessTaken }) => unlessTaken), [
    ...Array.from({ length: 8 }, () => true),
    ...[false],
  ]);
  assertEquals([rival.asked, source.receipt.bytes], [[], file.size]);
  assertEquals([source.connects, source.receipt.retries], [1, 0], "nothing against it");
});

Deno.test("swarm: where no other peer lacks anything, requests are unconditional", async () => {
  const file = new MemoryFile(patterned(8 * PIECE_SIZE));
  const requests: ChunkRequest[] = [];
  const sources = ["a", "b"].map((name) =>
    new MemorySource(name, file, {
      chunks: (right, request) => {
        requests.push(request);
        return right;
      },
    })
  );
  await downloaded(file, sources);
  assertEquals(requests.filter(({ unlessTaken }) => unlessTaken), []);
});

Deno.test("swarm: none left, it waits for one, and the one that comes lets it finish", async () => {
  let calls = 0;
  const dying = new MemorySource("dying", FILE, {
    chunks: (right) => ++calls > 5 ? Promise.reject(refusal("not_shared")) : right,
  });
  const saviour = new MemorySource("saviour", FILE);
  let searches = 0;
  const find = (connected: unknown[], found: (sources: Source[]) => void) => {
    assertEquals(connected, []);
    if (++searches === 1) return Promise.reject(new Fault("network", "no bootstrap answers"));
    found([dying, saviour]);
    return Promise.resolve();
  };
  await downloaded(FILE, [dying], { find, waitMs: 60_000 });
  assertEquals(dying.receipt.bytes + saviour.receipt.bytes, FILE.size);
  assert(dying.receipt.bytes > 0, "what it brought is not fetched again");
});

Deno.test("swarm: with nobody for too long, it fails, and says why", async () => {
  const gone = new MemorySource("gone", FILE, {
    have: () => Promise.reject(refusal("not_shared")),
  });
  const before = performance.now();
  const { error } = await failed(FILE, [gone], { waitMs: 600 });
  const waited = performance.now() - before;
  assertEquals([error.kind, error.message], [
    "network",
    "every source was lost: it refused: not_shared",
  ]);
  assert(waited >= 600 && waited < 3_000, `${waited}`);
});

Deno.test("swarm: all sources together have no more in flight than the budget", async () => {
  const file = new MemoryFile(patterned(60 * MIB));
  const budget = 5 * MIB;
  let [all, most] = [0, 0];
  let sources: MemorySource[] = [];
  const conduct = (): Conduct => ({
    chunks: async (right) => {
      all = sources.reduce((sum, { inFlight }) => sum + inFlight, 0);
      most = Math.max(most, all);
      await new Promise((resolve) => setTimeout(resolve));
      return right;
    },
  });
  sources = Array.from({ length: 8 }, (_, n) => new MemorySource(`${n}`, file, conduct()));
  await downloaded(file, sources, { budget: new Budget(budget) });
  assert(most <= budget && most > MIB, `${most} of ${budget}`);
  for (const { receipt } of sources) assert(receipt.bytes > 0, "each gets its turn");
});

Deno.test("swarm: the window grows with what a source brings in a round trip, to 16 MiB", async () => {
  const file = new MemoryFile(patterned(100 * MIB));
  const source = new MemorySource("far", file, {
    chunks: async (right) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      return right;
    },
  });
  source.rttMs = 200;
  await downloaded(file, [source]);
  assert(source.mostInFlight > 4 * MIB, `${source.mostInFlight}`);
  assert(source.mostInFlight <= 16 * MIB, `${source.mostInFlight}`);
  assert(
    source.asked.some(({ count }) => count === 16),
    "several pieces together, once it is quick",
  );
});

Deno.test("swarm: who waits for the budget does not keep a download from ending", async () => {
  const budget = new Budget(MIB);
  const other = budget.share();
  await other.take(MIB);
  const abort = new AbortController();
  const running = failed(FILE, [new MemorySource("a", FILE)], { budget, signal: abort.signal });
  await settle();
  abort.abort(new Fault("deadline", "too late"));
  assertEquals((await running).error.kind, "deadline");
  other.give(MIB);
  await other.take(MIB);
});

Deno.test("swarm: two downloads share a budget, and neither waits for the other's end", async () => {
  const budget = new Budget(2 * MIB);
  const done: { name: string; bytes: number }[] = [];
  const begun = new Set<string>();
  const both = gate();
  const conduct = (name: string): Conduct => ({
    connect: async () => {
      if (begun.add(name).size === 2) both.open();
      await both.passed;
    },
    chunks: async (right) => {
      await new Promise((resolve) => setTimeout(resolve));
      done.push({ name, bytes: right.length });
      return right;
    },
  });
  await Promise.all(["a", "b"].map((name) => {
    const sources = [1, 2, 3].map((n) => new MemorySource(`${name}${n}`, FILE, conduct(name)));
    return downloaded(FILE, sources, { budget });
  }));
  // Until one of them has nothing left to ask for.
  const last = Math.min(
    ...["a", "b"].map((one) => done.findLastIndex(({ name }) => name === one)),
  );
  const had = (one: string) =>
    done.slice(0, last + 1).reduce((sum, { name, bytes }) => name === one ? sum + bytes : sum, 0);
  const share = had("a") / (had("a") + had("b"));
  assert(share > 0.35 && share < 0.65, `${share}: ${had("a")} and ${had("b")}`);
});

Deno.test("swarm: a stream comes through whole when another brings what a slow one was asked for", async () => {
  const file = new MemoryFile(patterned(MIB));
  const parts: { right: Bytes; answer: (bytes: Bytes) => void }[] = [];
  const slow = new MemorySource("slow", file, {
    chunks: (right) => new Promise((answer) => parts.push({ right, answer })),
  });
  const last = gate();
  const other = new MemorySource("other", file, {
    chunks: async (right) => {
      await last.passed;
      return right;
    },
  });
  await using state = await newState();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  let told = 0;
  const sink = new OrderedOutput(writable, () => {}, () => {});
  const downloader = new Downloader({
    ...{ id: file.id, size: file.size, digests: state.digests, sources: [slow, other], sink },
    onBytes: (bytes) => told += bytes,
  });
  const reading = Array.fromAsync(readable);
  const running = downloader.run().then(() => sink.finish());
  for (let turn = 0; turn < 100 && other.asked.length < 4; turn++) await settle();
  // The slow one brings two pieces, then the other one brings the rest, and what was asked of the slow one is not needed.
  for (const { right, answer } of parts.slice(0, 2)) answer(right);
  await settle();
  last.open();
  await running;
  assertSameBytes(concat(await reading), file.content);
  assertEquals([told, downloader.tally.fetched], [file.size, 16]);
  assertEquals(slow.receipt.bytes + other.receipt.bytes, file.size);
});
