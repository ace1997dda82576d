import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { PieceMap } from "../../../src/content/piece_map.ts";
import { delay } from "../../../src/async/retry.ts";
import { Fault } from "../../../src/fault.ts";
import { SourcePool } from "../../../src/peer/download/source_pool.ts";
import { patterned } from "../../support/bytes.ts";
import { download, downloaded, failed, refusal } from "../../support/download.ts";
import { MemoryFile, MemorySource } from "../../support/memory_source.ts";

const FILE = new MemoryFile(patterned((1 << 20) + 1));
const never = () => new Promise<never>(() => {});
const source = (address: string, conduct = {}) => new MemorySource(address, FILE, conduct);

Deno.test("sources: 40 that say nothing, or have nothing, don't keep out an honest one", async () => {
  const silent = Array.from(
    { length: 40 },
    (_, at) => source(`192.0.2.${at}:1`, { connect: never }),
  );
  const mute = Array.from({ length: 40 }, (_, at) => source(`198.51.100.${at}:1`, { have: never }));
  const empty = Array.from(
    { length: 40 },
    (_, at) => source(`203.0.113.${at}:1`, { have: () => new PieceMap(FILE.pieces) }),
  );
  const stalling = Array.from(
    { length: 40 },
    (_, at) => source(`10.0.0.${at}:1`, { chunks: never }),
  );
  const times = await Promise.all([silent, mute, empty, stalling].map(async (others) => {
    const began = performance.now();
    await downloaded(FILE, [...others, source("10.1.1.1:1")], { backoff: undefined });
    return performance.now() - began;
  }));
  for (const [at, ms] of times.entries()) assertLess(ms, 20_000, `${at}`);
});

Deno.test("sources: of many in one network and one elsewhere, that one is tried early", async () => {
  let tried = 0;
  const connect = () => {
    tried++;
    return never();
  };
  const many = Array.from({ length: 200 }, (_, at) => source(`192.0.2.1:${at + 1}`, { connect }));
  await downloaded(FILE, [...many, source("10.1.1.1:1")]);
  assertLess(tried, 9, "before it");
});

Deno.test("sources: named for the thousandth time, they make room for those of another network", () => {
  const ended = new AbortController();
  ended.abort();
  const pool = new SourcePool<MemorySource>({ use: never, signal: ended.signal });
  pool.add(Array.from({ length: 1_500 }, (_, at) => source(`192.0.2.1:${at + 1}`)));
  assertEquals(pool.all.length, 1_000);
  pool.add([source("10.1.1.1:1"), source("10.1.1.2:1")]);
  const networks = pool.all.map(({ receipt }) => receipt.address.split(":")[0]);
  assertEquals(networks.filter((one) => one !== "192.0.2.1"), ["10.1.1.1", "10.1.1.2"]);
  assertEquals(networks.length, 1_000);
});

Deno.test("sources: what is found again is not tried again before its pause is over", async () => {
  const dead = source("192.0.2.1:1", {
    connect: () => {
      throw new Fault("network", "Cannot connect: refused");
    },
  });
  const find = (_: unknown, found: (sources: MemorySource[]) => void) =>
    Promise.resolve(found([dead]));
  await failed(FILE, [dead], { find, waitMs: 8_000, backoff: undefined });
  assertGreater(dead.connects, 2);
  assertLess(dead.connects, 9);
});

Deno.test("sources: one that refuses each request is asked seldom, and given up in time", async () => {
  const refusing = source("192.0.2.1:1", {
    chunks: () => {
      throw refusal("not_yet");
    },
  });
  const began = performance.now();
  const { error } = await download(FILE, [refusing], { waitMs: 3_000 });
  assert(error instanceof Fault);
  assertLess(performance.now() - began, 6_000);
  assertLess(refusing.asked.length, 40, `${refusing.asked.length} requests`);
});

Deno.test("sources: a byte now and then from the only one ends with the wait", async () => {
  const dripping = source("192.0.2.1:1", {
    chunks: async (_right: Uint8Array, _request: unknown, signal: AbortSignal) => {
      for (;;) {
        await delay(100, signal);
        dripping.arrived++;
      }
    },
  });
  const began = performance.now();
  await failed(FILE, [dripping], { waitMs: 3_000 });
  assertLess(performance.now() - began, 6_000);
});
