/** Bootstraps that answer rightly up to a point, and then without an end. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { MemoryRegistry } from "../../../src/bootstrap/memory_registry.ts";
import { Fault } from "../../../src/fault.ts";
import { BootstrapClient } from "../../../src/peer/discovery/bootstrap_client.ts";
import { Swarm } from "../../../src/peer/discovery/swarm.ts";
import type { FileRecord, PeerRecord } from "../../../src/wire/protocol.ts";
import { startBootstrap } from "../../bootstrap/bench.ts";
import { type RawEnd, Scripted } from "../../support/sockets.ts";

const nonce = "0".repeat(64);

/** Answers `hello`, then each request with what `reply` makes of it. */
function bootstrap(reply: (end: RawEnd, request: Record<string, unknown>) => Promise<void>) {
  return new Scripted(async (end) => {
    for (let request; (request = await end.line()) !== null;) {
      const { action, id } = request;
      const hello = { action, id, protocol: 1, agent: "x", nonce, observed: "a:1" };
      await (action === "hello" ? end.send(hello) : reply(end, request));
    }
  });
}

/** Sends a list's batch. */
async function send(end: RawEnd, head: Record<string, unknown>, items: unknown[]) {
  const payload = JSON.stringify(items);
  await end.send(JSON.stringify({ ...head, payload: payload.length }) + "\n" + payload);
}

const peers = (from: number): PeerRecord[] =>
  Array.from(
    { length: 1_000 },
    (_, n) => ({ address: `10.${from}.${n >> 8}.${n & 255}`, port: 1 }),
  );

Deno.test("an endless list of peers is cut short", async () => {
  let asked = 0;
  await using endless = bootstrap((end, { id }) => {
    return send(end, { action: "peers", id, cursor: `c${asked}` }, peers(asked++ % 256));
  });
  using client = new BootstrapClient(endless.address);
  assertEquals((await client.getPeers()).length, 60_000);
  assertEquals(asked, 60);
});

Deno.test("a list whose cursor doesn't move on has an end", async () => {
  let asked = 0;
  await using circle = bootstrap((end, { id }) => {
    asked++;
    return send(end, { action: "files", id, cursor: "same" }, []);
  });
  using client = new BootstrapClient(circle.address);
  assertEquals(await Array.fromAsync(client.listFiles()), []);
  assertEquals(asked, 2);
});

Deno.test("an answer that comes a byte at a time is given up, and others' are not held up", async () => {
  let left = 0;
  await using dripping = bootstrap(async (end, { id, action }) => {
    const kind = { find: "found", list_files: "files", get_peers: "peers" }[action as string];
    await end.send(JSON.stringify({ action: kind, id, payload: 1_000 }) + "\n[");
    await end.closed().finally(() => left++);
  });
  using slow = new BootstrapClient(dripping.address, { answerMs: 300 });
  for (
    const ask of [
      () => slow.find({ name: "x" }),
      () => slow.getPeers(),
      () => Array.fromAsync(slow.listFiles()),
    ]
  ) await assertRejects(ask, Fault, "took too long to answer");
  assertEquals(dripping.accepted, 3, "a question that came to nothing so late is not asked again");
  using patient = new BootstrapClient(dripping.address);
  await using server = startBootstrap({ registry: new MemoryRegistry() });
  using quick = new BootstrapClient(server.address);
  const swarm = new Swarm([patient, quick]);
  const started = performance.now();
  assertEquals(await swarm.find({ name: "x" }), []);
  assert(performance.now() - started < 10_000);
});

Deno.test("a list goes on without the bootstrap that stops in the midst of it", async () => {
  const record = (name: string): FileRecord => ({
    ...{ name, id: "a".repeat(64), size: 1, mtime: 1, time: 1 },
    ...{ publisher: "b".repeat(64), sources: 1 },
  });
  let asked = 0;
  await using stops = bootstrap(async (end, { id }) => {
    if (asked++ > 0) return await end.closed();
    await send(end, { action: "files", id, cursor: "more" }, [record("a")]);
  });
  const registry = new MemoryRegistry();
  registry.listFiles = () => Promise.resolve({ items: [record("b"), record("c")] });
  await using server = startBootstrap({ registry });
  using one = new BootstrapClient(stops.address);
  using other = new BootstrapClient(server.address);
  const listed = await Array.fromAsync(new Swarm([one, other]).listFiles());
  assertEquals(listed.map(({ name }) => name), ["a", "b", "c"]);
});

Deno.test("the wait for a list of peers ends with its signal", async () => {
  const stop = new AbortController();
  await using silent = bootstrap((end) => {
    stop.abort(new Fault("deadline", "that is enough"));
    return end.closed();
  });
  using client = new BootstrapClient(silent.address);
  const listing = new Swarm([client]).listPeers(stop.signal);
  await assertRejects(() => listing, Fault, "that is enough");
});

Deno.test("a bootstrap that is busy and names no pause is not asked on and on", async () => {
  let asked = 0;
  await using busy = bootstrap((end, { id }) => {
    asked++;
    return end.send({ action: "error", id, code: "busy", message: "no", retry_after: 0 });
  });
  using client = new BootstrapClient(busy.address, { busyMs: 1_500, random: () => 0 });
  await assertRejects(() => client.find({ name: "x" }), Fault, "no");
  assertEquals(asked, 2, "at once, and after a second");
});

Deno.test("an answer to hello in another version of the protocol is not understood", async () => {
  await using newer = new Scripted(async (end) => {
    const { id } = await end.line();
    await end.send({ action: "hello", id, protocol: 2, agent: "x", nonce, observed: "a:1" });
    await end.closed();
  });
  using client = new BootstrapClient(newer.address, { handshakeMs: 500 });
  await assertRejects(() => client.getPeers(), Fault, "is not a Shoal bootstrap");
});
