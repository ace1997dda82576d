import { assertEquals, assertRejects } from "@std/assert";
import { MemoryRegistry } from "../../../src/bootstrap/memory_registry.ts";
import { Fault } from "../../../src/fault.ts";
import { BootstrapClient } from "../../../src/peer/discovery/bootstrap_client.ts";
import { KnownOffers } from "../../../src/peer/discovery/known_offers.ts";
import { Swarm } from "../../../src/peer/discovery/swarm.ts";
import { settleWithGrace } from "../../../src/async/settle_with_grace.ts";
import { signAnnouncement } from "../../../src/trust/announcement.ts";
import { Identity } from "../../../src/trust/identity.ts";
import type { FileRecord } from "../../../src/wire/protocol.ts";
import { startBootstrap, TestPeer } from "../../bootstrap/bench.ts";
import { Scripted } from "../../support/sockets.ts";

const never = <T>() => new Promise<T>(() => {});

Deno.test("until enough: all that came, in order, and nobody is waited for who is slower", async () => {
  const refused = new Error("refused");
  const some = [Promise.reject(refused), never<number>(), Promise.resolve(3), Promise.resolve(4)];
  assertEquals(await settleWithGrace(some, { enough: (n) => n > 3, graceMs: 1 }), [
    { status: "rejected", reason: refused },
    { status: "fulfilled", value: 3 },
    { status: "fulfilled", value: 4 },
  ]);
  const slow = Promise.withResolvers<number>();
  const both = settleWithGrace([slow.promise, Promise.resolve(1)], {
    enough: () => true,
    graceMs: 60_000,
  });
  slow.resolve(2);
  assertEquals((await both).length, 2, "within the time of grace all are waited for");
  const late = Promise.withResolvers<number>();
  const poor = settleWithGrace([Promise.resolve(1), late.promise], {
    enough: (n) => n > 1,
    graceMs: 1,
  });
  // By now it would be over, had the first been enough.
  await settleWithGrace([Promise.resolve(1), never<number>()], { enough: () => true, graceMs: 20 });
  late.resolve(1);
  assertEquals((await poor).length, 2, "that was not enough");
  assertEquals(await settleWithGrace([], { enough: () => true, graceMs: 1 }), []);
});

Deno.test("swarm: a bootstrap that says nothing keeps nobody waiting who has an answer", async () => {
  const registry = new MemoryRegistry();
  const announcement = await signAnnouncement(await Identity.generate(), {
    ...{ name: "x", id: "a".repeat(64), size: 1, mtime: 1, time: 1 },
  });
  const { id, size, mtime, time, publisher } = announcement;
  const record: FileRecord = { name: "x", id, size, mtime, time, publisher, sources: 0 };
  registry.find = ({ name }) =>
    Promise.resolve({ items: name === "x" ? [{ announcement, sources: [], total: 0 }] : [] });
  registry.listFiles = () => Promise.resolve({ items: [record] });
  await using server = startBootstrap({ registry });
  let left = 0;
  await using silent = new Scripted((end) => end.closed().then(() => left++));
  // Longer than this test may take: a wait for it would show.
  using mute = new BootstrapClient(silent.address, { handshakeMs: 600_000 });
  using speaks = new BootstrapClient(server.address);
  const swarm = new Swarm([mute, speaks]);
  assertEquals((await swarm.find({ name: "x" })).map((offer) => offer.announcement), [
    announcement,
  ]);
  assertEquals(await Array.fromAsync(swarm.listFiles()), [record]);
  assertEquals(await swarm.listPeers(), []);
  assertEquals([silent.accepted, left], [1, 0], "it is still being greeted");
  const looking = swarm.find({ name: "y" });
  mute.close();
  assertEquals(await looking, [], "who knows of nothing is not enough");
  speaks.close();
  await assertRejects(() => swarm.find({ name: "x" }), Fault, "was closed");
  await assertRejects(() => new Swarm([]).listPeers(), Fault, "no bootstrap is given");
});

Deno.test("swarm: a peer that a bootstrap lists is one, with what that says, wherever it is heard", async () => {
  await using server = startBootstrap();
  using ann = await TestPeer.open(server);
  await ann.register(4_001);
  const announcement = await ann.sign("x");
  await ann.announce(announcement);
  const { id: peer } = ann.identity;
  const nearby = new KnownOffers();
  const heard = ["127.0.0.1", "192.0.2.7"].map((address) => ({ peer, address, port: 4_001 }));
  nearby.add({ announcement, sources: heard, total: heard.length });
  const stranger = { peer: "b".repeat(64), address: "192.0.2.8", port: 4_002 };
  nearby.add({ announcement: await ann.sign("y"), sources: [stranger], total: 1 });
  using client = new BootstrapClient(server.address);
  const swarm = new Swarm([client], nearby);
  const peers = await swarm.listPeers();
  assertEquals(peers.map(({ address, files }) => [address, files]), [
    ["127.0.0.1", 1],
    ["192.0.2.8", undefined],
  ]);
  const [source, ...others] = await swarm.listSources("x");
  assertEquals([source?.reachable !== undefined, others], [true, []]);
});
