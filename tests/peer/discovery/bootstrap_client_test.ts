import { assert, assertEquals, assertRejects } from "@std/assert";
import { MemoryRegistry } from "../../../src/bootstrap/memory_registry.ts";
import type { BootstrapServer } from "../../../src/bootstrap/server.ts";
import { Fault } from "../../../src/fault.ts";
import {
  BootstrapClient,
  type BootstrapClientOptions,
} from "../../../src/peer/discovery/bootstrap_client.ts";
import type { BootstrapStatus } from "../../../src/peer/api/peer_api.ts";
import { signAnnouncement } from "../../../src/trust/announcement.ts";
import { Identity } from "../../../src/trust/identity.ts";
import type { Address } from "../../../src/wire/connection.ts";
import type { Announcement, Found } from "../../../src/wire/protocol.ts";
import { Refused } from "../../../src/wire/answerer.ts";
import { startBootstrap } from "../../bootstrap/bench.ts";
import { closedPort, Scripted } from "../../support/sockets.ts";

/** A client whose registration can be waited for, in its every state. */
class Watched {
  readonly client: BootstrapClient;
  readonly identity: Identity;
  readonly announced: Announcement[] = [];
  readonly #seen: BootstrapStatus[] = [];
  readonly #stop = new AbortController();
  #changed = Promise.withResolvers<void>();
  #maintained: Promise<void> | undefined;

  constructor(address: Address, identity: Identity, options: BootstrapClientOptions = {}) {
    this.identity = identity;
    this.client = new BootstrapClient(address, {
      heartbeatMs: 10,
      retryMs: 1,
      ...options,
      onStatus: (status) => {
        this.#seen.push(status);
        this.#changed.resolve();
      },
    });
  }

  sign(name: string, time = 1): Promise<Announcement> {
    return signAnnouncement(this.identity, { name, id: "a".repeat(64), size: 1, mtime: 1, time });
  }

  maintain(port: number, advertise?: Address): void {
    const announcements = () => [...this.announced];
    const { identity } = this;
    const { signal } = this.#stop;
    this.#maintained = this.client.maintain({ identity, port, advertise, announcements, signal });
  }

  /** The next change to that state, counting from the last that was waited for. */
  async until(state: BootstrapStatus["state"]): Promise<BootstrapStatus> {
    for (;;) {
      for (let status = this.#seen.shift(); status; status = this.#seen.shift()) {
        if (status.state === state) return status;
      }
      this.#changed = Promise.withResolvers();
      await this.#changed.promise;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#maintained;
    this.client.close();
  }
}

const names = (found: Found[]) => found.map(({ announcement }) => announcement.name);

/** Answers each connection with `serve`, until disposed of. */
function listen(serve: (conn: Deno.Conn) => Promise<void>, port = 0) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port });
  const conns = new Set<Deno.Conn>();
  const done = (async () => {
    for await (const conn of listener) {
      conns.add(conn);
      serve(conn).catch(() => {}).finally(() => {
        if (conns.delete(conn)) conn.close();
      });
    }
  })();
  return {
    address: { host: "127.0.0.1", port: listener.addr.port },
    async [Symbol.asyncDispose]() {
      listener.close();
      await done;
      for (const conn of conns) {
        conns.delete(conn);
        conn.close();
      }
    },
  };
}

/** A legacy bootstrap, written from the table in legacy/legacy_dialect.ts. */
function listenAsLegacy(peers: { address: string; port: number }[], port = 0) {
  return listen(async (conn) => {
    const buffer = new Uint8Array(4_096);
    const n = await conn.read(buffer);
    if (n === null) return;
    const request = JSON.parse(new TextDecoder().decode(buffer.subarray(0, n)));
    let reply: unknown = { action: "error", message: "Unknown action" };
    if (request.action === "register") {
      peers.push({ address: request.address, port: request.port });
      reply = { status: "registered" };
    }
    if (request.action === "get_peers") reply = { peers };
    await conn.write(new TextEncoder().encode(JSON.stringify(reply) + "\n"));
  }, port);
}

Deno.test("what one peer announces another finds", async () => {
  await using server = startBootstrap();
  await using ann = new Watched(server.address, await Identity.generate());
  ann.announced.push(await ann.sign("docs/x"), await ann.sign("y"));
  ann.maintain(4_001);
  assertEquals((await ann.until("registered")).listed, "127.0.0.1:4001");
  await ann.client.announce([await ann.sign("z")]);

  using ben = new BootstrapClient(server.address);
  assertEquals(names(await ben.find({ name: "docs/x" })), ["docs/x"]);
  assertEquals(names(await ben.find({ publisher: ann.identity.id })).sort(), ["docs/x", "y", "z"]);
  assertEquals((await ben.getPeers()).map(({ port, files }) => [port, files]), [[4_001, 3]]);
  assertEquals((await Array.fromAsync(ben.listFiles("?"))).map(({ name }) => name), ["y", "z"]);
  await ann.client.withdraw([{ name: "z", id: "a".repeat(64) }]);
  assertEquals(await ben.find({ name: "z" }), []);
  assertEquals(ben.status, { address: ben.toString(), state: "idle" });
});

Deno.test("a peer that stops is gone at once", async () => {
  await using server = startBootstrap();
  {
    await using ann = new Watched(server.address, await Identity.generate());
    ann.maintain(4_001, { host: "192.0.2.1", port: 5 });
    assertEquals((await ann.until("registered")).listed, "127.0.0.1:4001");
  }
  using ben = new BootstrapClient(server.address);
  assertEquals(await ben.getPeers(), []);
});

Deno.test("thousands of announcements travel in several messages, in order", async () => {
  await using server = startBootstrap();
  await using ann = new Watched(server.address, await Identity.generate());
  const numbered = Array.from({ length: 2_500 }, (_, n) => `${n}`.padStart(4, "0"));
  ann.announced.push(...await Promise.all(numbered.map((name) => ann.sign(name))));
  ann.maintain(4_001);
  await ann.until("registered");
  // Asked for while all are still being announced; it has the last word all the same.
  await ann.client.withdraw([{ name: "2499", id: "a".repeat(64) }]);
  const listed = await Array.fromAsync(ann.client.listFiles());
  assertEquals(listed.map(({ name }) => name), numbered.slice(0, -1));
});

Deno.test("after the bootstrap was away, everything is registered and announced anew", async () => {
  let server: BootstrapServer = startBootstrap({ port: closedPort() });
  const { address } = server;
  await using ann = new Watched(address, await Identity.generate());
  ann.announced.push(await ann.sign("x"));
  ann.maintain(4_001);
  await ann.until("registered");
  using ben = new BootstrapClient(address);
  await ann.client.announce([]);
  assertEquals(names(await ben.find({ name: "x" })), ["x"]);
  await server.stop();
  assert((await ann.until("away")).error);
  const refused = `Cannot reach bootstrap 127.0.0.1:${address.port}: connection refused`;
  while ((await ann.until("away")).error !== refused);
  const error = await assertRejects(() => ben.find({ name: "x" }), Fault, refused);
  assertEquals(error.kind, "network");
  ann.announced.push(await ann.sign("shared meanwhile"));
  await ann.client.announce(ann.announced);
  server = startBootstrap(address);
  await ann.until("registered");
  await ann.client.announce([]);
  assertEquals((await Array.fromAsync(ben.listFiles())).length, 2);
  await server.stop();
});

Deno.test("a bootstrap that forgot a peer is told of it again", async () => {
  const registry = new MemoryRegistry();
  await using server = startBootstrap({ registry });
  await using ann = new Watched(server.address, await Identity.generate());
  ann.maintain(4_001);
  await ann.until("registered");
  await registry.goodbye(ann.identity.id);
  assertEquals(
    (await ann.until("away")).error,
    `127.0.0.1:${server.address.port} refused: register first`,
  );
  await ann.until("registered");
});

Deno.test("what a bootstrap doesn't take is shown, and the rest goes on", async () => {
  await using server = startBootstrap({ registry: new MemoryRegistry({ maxHoldings: 1 }) });
  await using ann = new Watched(server.address, await Identity.generate());
  ann.announced.push(await ann.sign("x"), await ann.sign("y"));
  ann.maintain(4_001);
  let error: string | undefined;
  while (!error) error = (await ann.until("registered")).error;
  assert(error.includes("a peer may announce at most 1 names"), error);
  await ann.client.announce([await ann.sign("z")]);
  assertEquals(names(await ann.client.find({ name: "z" })), ["z"]);
});

Deno.test("a peer that is told to wait for long comes back with what it still has", async () => {
  const registry = new MemoryRegistry();
  const take = registry.announce.bind(registry);
  let full = true;
  registry.announce = (peer, list) =>
    full && list.some(({ name }) => name !== "z")
      ? Promise.reject(new Refused("busy", "no room for names", 1))
      : take(peer, list);
  await using server = startBootstrap({ registry });
  await using ann = new Watched(server.address, await Identity.generate(), { longestPauseMs: 100 });
  ann.announced.push(await ann.sign("x"), await ann.sign("y"));
  ann.maintain(4_001);
  let error: string | undefined;
  while (!error) error = (await ann.until("registered")).error;
  assert(error.includes("no room for names"), error);
  // Others are told meanwhile, and what it has no longer is not announced again.
  await ann.client.announce([await ann.sign("z")]);
  ann.announced.shift();
  full = false;
  while (error) error = (await ann.until("registered")).error;
  assertEquals(names(await ann.client.find({ name: "y" })), ["y"]);
  assertEquals(names(await ann.client.find({ name: "z" })), ["z"]);
  assertEquals(await ann.client.find({ name: "x" }), []);
});

Deno.test("a question survives that its connection was closed since the last", async () => {
  let server = startBootstrap({ port: closedPort() });
  using ben = new BootstrapClient(server.address);
  await ben.getPeers();
  await server.stop();
  server = startBootstrap(server.address);
  assertEquals(await Promise.all([ben.getPeers(), ben.find({ name: "x" })]), [[], []]);
  await server.stop();
});

Deno.test("what a bootstrap made up is dropped", async () => {
  const registry = new MemoryRegistry();
  await using server = startBootstrap({ registry });
  const identity = await Identity.generate();
  const file = { name: "x", id: "a".repeat(64), size: 1, mtime: 1, time: 1 };
  const genuine = await signAnnouncement(identity, file);
  const forged = { ...genuine, publisher: "b".repeat(64), size: 2 };
  registry.find = () =>
    Promise.resolve({
      items: [forged, genuine, { ...genuine, name: "y" }].map((announcement) => ({
        announcement,
        sources: [],
        total: 0,
      })),
    });
  using ben = new BootstrapClient(server.address);
  assertEquals((await ben.find({ name: "x" })).map((f) => f.announcement), [genuine]);
  assertEquals(await ben.find({ name: "y" }), []);
  assertEquals(await ben.find({ file: "c".repeat(64) }), []);
});

Deno.test("a web server is not taken for a bootstrap", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("hello"),
  );
  const address = { host: "127.0.0.1", port: server.addr.port };
  using client = new BootstrapClient(address);
  const said = `127.0.0.1:${address.port} is not a Shoal bootstrap: it sent a malformed message`;
  assertEquals((await assertRejects(() => client.getPeers(), Fault, said)).kind, "network");
});

Deno.test("a silent socket is given up, by questions and by the registration", async () => {
  await using server = listen(() => new Promise(() => {}));
  await using ann = new Watched(server.address, await Identity.generate(), { handshakeMs: 50 });
  const said = `127.0.0.1:${server.address.port} did not say hello within 0.1 s`;
  assertEquals((await assertRejects(() => ann.client.getPeers(), Fault, said)).kind, "network");
  ann.maintain(4_001);
  assertEquals((await ann.until("away")).error, said);
});

Deno.test("silence is waited for once, then remembered for a while", async () => {
  await using silent = new Scripted((end) => end.closed());
  let ahead = 0;
  const now = () => performance.now() + ahead;
  using client = new BootstrapClient(silent.address, { handshakeMs: 50, now });
  const said = "did not say hello within 0.1 s";
  await assertRejects(() => client.getPeers(), Fault, said);
  // Greeted in both dialects.
  assertEquals(silent.accepted, 2);
  await assertRejects(() => client.find({ name: "x" }), Fault, said);
  assertEquals(silent.accepted, 2);
  ahead = 10_001;
  await assertRejects(() => client.getPeers(), Fault, said);
  assertEquals(silent.accepted, 4);
});

Deno.test("who only closes is not a bootstrap", async () => {
  await using server = listen(() => Promise.resolve());
  using client = new BootstrapClient(server.address);
  const said = "is not a Shoal bootstrap: it closed the connection";
  await assertRejects(() => client.find({ name: "x" }), Fault, said);
});

Deno.test("a bootstrap that is full says so, and isn't taken for a legacy one", async () => {
  await using server = startBootstrap({ maxConnections: 0 });
  using client = new BootstrapClient(server.address);
  await assertRejects(() => client.getPeers(), Fault, "this bootstrap takes at most 0");
});

Deno.test("a question can be given up without harm to others", async () => {
  await using server = startBootstrap();
  using client = new BootstrapClient(server.address);
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  const both = [client.getPeers(), client.getPeers({ signal })];
  const [kept, dropped] = await Promise.allSettled(both);
  assertEquals(kept, { status: "fulfilled", value: [] });
  assertEquals(dropped, { status: "rejected", reason });
  client.close();
  await assertRejects(() => client.getPeers(), Fault, "was closed");
});

Deno.test("at a legacy bootstrap a peer registers in the legacy way", async () => {
  const peers = [{ address: "192.0.2.1", port: 10_000 }];
  await using server = listenAsLegacy(peers);
  await using ann = new Watched(server.address, await Identity.generate());
  ann.maintain(4_001);
  assertEquals((await ann.until("legacy")).listed, "127.0.0.1:4001");
  await ann.client.announce([await ann.sign("x")]);
  assertEquals(peers.slice(0, 2), [
    { address: "192.0.2.1", port: 10_000 },
    { address: "127.0.0.1", port: 4_001 },
  ]);
  assertEquals((await ann.client.getPeers()).slice(0, 2), peers.slice(0, 2));
  assertEquals(await ann.client.find({ name: "x" }), []);
  assertEquals(await Array.fromAsync(ann.client.listFiles()), []);
  await ann.until("legacy"); // registers again and again
});

Deno.test("at a legacy bootstrap an advertised address is told as it is", async () => {
  const peers: { address: string; port: number }[] = [];
  await using server = listenAsLegacy(peers);
  await using ann = new Watched(server.address, await Identity.generate());
  ann.maintain(4_001, { host: "shoal.example", port: 9 });
  assertEquals((await ann.until("legacy")).listed, "shoal.example:9");
  assertEquals(peers[0], { address: "shoal.example", port: 9 });
});

Deno.test("entries of a legacy bootstrap that are no address are left out", async () => {
  const good = { address: "192.0.2.1", port: 1 };
  const bad = [{ address: "a b", port: 1 }, { address: "192.0.2.1", port: 0 }];
  await using server = listenAsLegacy([bad[0], good, bad[1]]);
  using client = new BootstrapClient(server.address);
  assertEquals(await client.getPeers(), [good]);
});

Deno.test("a legacy bootstrap that became a Shoal bootstrap is noticed", async () => {
  let time = 0;
  const identity = await Identity.generate();
  const legacy = listenAsLegacy([], closedPort());
  const { address } = legacy;
  await using ann = new Watched(address, identity, { now: () => time });
  {
    await using _legacy = legacy;
    assertEquals(await ann.client.getPeers(), []);
    ann.maintain(4_001);
    await ann.until("legacy");
  }
  const server = startBootstrap(address);
  await ann.until("registered");
  time += 30_000;
  assertEquals((await ann.client.getPeers()).map(({ peer }) => peer), [identity.id]);
  await server.stop();
});
