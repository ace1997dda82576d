import { assertEquals } from "@std/assert";
import { findSources } from "../src/peer/find_sources.ts";
import type { Source } from "../src/peer/source.ts";
import type { PeerRecord } from "../src/wire/protocol.ts";

const CONTENT = { id: "ab".repeat(32), size: 1 };
const SELF = { agent: "test/1", peer: "01".repeat(32) };

const record = (port: number, peer = "02".repeat(32)): PeerRecord => ({
  ...{ peer, address: "10.0.0.1", port, agent: "test/1" },
});

/** A connected source that says this when it is asked who else there is. */
const naming = (peers: Source["peers"]) => ({ peers }) as Source;

/** The addresses that are found, with a bootstrap that does this. */
async function found(connected: Source[], find: () => Promise<never>): Promise<string[]> {
  const options = { swarm: { find }, self: SELF, patienceMs: 10 };
  const sources = await findSources(CONTENT, connected, options);
  return sources.map(({ receipt }) => receipt.address);
}

const away = () => Promise.reject(new Error("away"));
const silent = () => new Promise<never>(() => {});

Deno.test("find sources: all that anybody names, each once, and never this peer", async () => {
  const sources = [
    naming(() => Promise.resolve([record(1), record(2)])),
    naming(() => Promise.resolve([record(2), record(3, SELF.peer)])),
    naming(away),
  ];
  assertEquals(await found(sources, away), ["10.0.0.1:1", "10.0.0.1:2"]);
  assertEquals(await found([naming(away)], away), []);
});

Deno.test("find sources: who says nothing holds up nobody", async () => {
  const late = Promise.withResolvers<PeerRecord[]>();
  const sources = [naming(silent), naming(() => late.promise)];
  const finding = found(sources, silent);
  // However long it takes, one answer is waited for.
  setTimeout(() => late.resolve([record(1)]), 50);
  assertEquals(await finding, ["10.0.0.1:1"]);
});
