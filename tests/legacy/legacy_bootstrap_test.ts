/** A bootstrap that legacy peers use, over real sockets. */
import { assert, assertEquals } from "@std/assert";
import { MemoryRegistry } from "../../src/bootstrap/memory_registry.ts";
import { LEGACY_LINE_CAP } from "../../src/legacy/legacy_dialect.ts";
import { probeLegacyPeers } from "../../src/legacy/probe_legacy_peers.ts";
import { Connection } from "../../src/wire/connection.ts";
import { Peers } from "../../src/wire/protocol.ts";
import { exchange, startBootstrap, TestPeer } from "../bootstrap/bench.ts";

Deno.test("legacy peers register and list everybody, in the legacy dialect", async () => {
  await using server = startBootstrap();
  using ann = await TestPeer.open(server);
  await ann.register(4_001);
  const told = { action: "register", address: "10.9.8.7", port: 4_002 };
  assertEquals(await exchange(server.address, told), { status: "registered" });
  const { peers } = await exchange(server.address, { action: "get_peers" }) as {
    peers: { address: string; port: number }[];
  };
  assertEquals(peers.sort((a, b) => a.port - b.port), [
    { address: "127.0.0.1", port: 4_001 },
    { address: "127.0.0.1", port: 4_002 },
  ]);
  const unknown = { action: "error", message: "Unknown action" };
  assertEquals(await exchange(server.address, { action: "dance" }), unknown);
  assertEquals(await exchange(server.address, { action: "register", port: 0 }), {
    action: "error",
    message: "Malformed register",
  });
  const listed = await ann.list({ action: "get_peers" }, Peers);
  assertEquals(listed.find(({ peer }) => !peer), {
    address: "127.0.0.1",
    port: 4_002,
    reachable: null,
  });
});

Deno.test("a connection may carry several legacy requests, and a reply more than a line", async () => {
  const registry = new MemoryRegistry();
  await using server = startBootstrap({ registry });
  for (let port = 1; port <= 2_500; port++) {
    await registry.registerLegacy({ address: `192.0.2.${100 + port % 100}`, port });
  }
  const connection = await Connection.open(server.address, { lineCap: LEGACY_LINE_CAP });
  for (let turn = 0; turn < 2; turn++) {
    await connection.sendBytes(new TextEncoder().encode('{"action":"get_peers"}\n'));
    const line = new TextDecoder().decode(await connection.readLine() ?? undefined);
    assert(line.length > 65_536);
    assertEquals(JSON.parse(line).peers.length, 2_500);
  }
  connection.close();
});

Deno.test("legacy peers are kept while they answer", async () => {
  const registry = new MemoryRegistry();
  await using server = startBootstrap({ registry, probeLegacyPeersMs: 10 });
  using alive = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const dead = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  dead.close();
  const register = (port: number) =>
    exchange(server.address, { action: "register", address: "x", port });
  await register(dead.addr.port);
  await register(alive.addr.port);
  (await alive.accept()).close(); // the first probe after both have registered, or the one before
  (await alive.accept()).close();
  await probeLegacyPeers(registry);
  assertEquals(await registry.legacyPeers(), [{ address: "127.0.0.1", port: alive.addr.port }]);
});
