import { assertEquals } from "@std/assert";
import { findSources } from "../../../src/peer/download/find_sources.ts";
import type { Source } from "../../../src/peer/download/source.ts";
import type { PeerRecord } from "../../../src/wire/protocol.ts";

const ID = "ab".repeat(32);

const record = (port: number): PeerRecord => ({
  ...{ peer: "02".repeat(32), address: "10.0.0.1", port, agent: "test/1" },
});

/** A connected source that gives this answer when it is asked for other sources. */
const naming = (peers: Source["peers"]) => ({ peers }) as Source;

/** The ports of the sources that are found, with a bootstrap that does this. */
async function found(connected: Source[], find: () => Promise<never>): Promise<number[]> {
  const ports: number[] = [];
  await findSources(ID, connected, {
    ...{ swarm: { find }, patienceMs: 10 },
    found: (records) => ports.push(...records.map(({ port }) => port)),
  });
  return ports;
}

const away = () => Promise.reject(new Error("away"));
const silent = () => new Promise<never>(() => {});

Deno.test("find sources: all that anybody names", async () => {
  const sources = [
    naming(() => Promise.resolve([record(1), record(2)])),
    naming(() => Promise.resolve([record(3)])),
    naming(away),
  ];
  assertEquals(await found(sources, away), [1, 2, 3]);
  assertEquals(await found([naming(away)], away), []);
});

Deno.test("find sources: who says nothing holds up nobody", async () => {
  const late = Promise.withResolvers<PeerRecord[]>();
  const sources = [naming(silent), naming(() => late.promise)];
  const finding = found(sources, silent);
  // However long it takes, one answer is waited for.
  setTimeout(() => late.resolve([record(1)]), 50);
  assertEquals(await finding, [1]);
});

Deno.test("find sources: who is named first is told of before all have answered", async () => {
  const late = Promise.withResolvers<PeerRecord[]>();
  const told = Promise.withResolvers<PeerRecord[]>();
  const sources = [naming(() => late.promise), naming(() => Promise.resolve([record(1)]))];
  const finding = findSources(ID, sources, { swarm: { find: away }, found: told.resolve });
  assertEquals(await told.promise, [record(1)]);
  late.resolve([]);
  await finding;
});
