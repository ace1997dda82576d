import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { RATES } from "../../src/bootstrap/limits.ts";
import { RateLimits } from "../../src/bootstrap/rate_limits.ts";
import { MemoryRegistry } from "../../src/bootstrap/memory_registry.ts";
import { Fault } from "../../src/fault.ts";
import { Identity } from "../../src/trust/identity.ts";
import { signRegistration } from "../../src/trust/registration.ts";
import { Refusal } from "../../src/wire/caller.ts";
import { type Address } from "../../src/wire/connection.ts";
import { Files, FoundReply, Ok, Peers, Registered, SILENCE_MS } from "../../src/wire/protocol.ts";
import { converse, startBootstrap, TestPeer } from "./bench.ts";
import { RawEnd } from "../support/sockets.ts";
import { registryContract } from "./registry_contract.ts";

registryContract("registry in memory", (caps) => {
  let time = 0;
  const small = { maxPeers: 4, maxHoldings: 5, maxTotalHoldings: 8 };
  const bytes = { maxNameBytes: 100, maxNameBytesPerAddress: 80 };
  const shared = { maxPeersPerAddress: 2, maxHoldingsPerAddress: 3, ...bytes };
  const registry = new MemoryRegistry({ now: () => time, ...(caps && { small, shared }[caps]) });
  return { registry, pass: (ms) => time += ms };
});

async function refused(code: string, promise: Promise<unknown>): Promise<void> {
  assertEquals((await assertRejects(() => promise, Refusal)).code, code);
}

Deno.test("two peers find each other's files", async () => {
  await using server = startBootstrap();
  using ann = await TestPeer.open(server);
  using ben = await TestPeer.open(server);
  const registered = await ann.register(4_001);
  assertEquals([registered.address, registered.port], ["127.0.0.1", 4_001]);
  await ben.register(4_002);
  const x = await ann.sign("docs/x");
  await ann.announce(x, await ann.sign("y"));
  await ben.announce(x);

  const [found] = await ben.list({ action: "find", name: "docs/x" }, FoundReply);
  assertEquals(found.announcement, x);
  assertEquals(found.total, 2);
  assertEquals(found.sources.map(({ port }: Address) => port).sort(), [4_001, 4_002]);
  const files = await ben.list({ action: "list_files", pattern: "docs/*" }, Files);
  assertEquals(files.map(({ name, sources }) => [name, sources]), [["docs/x", 2]]);
  const peers = await ben.list({ action: "get_peers" }, Peers);
  assertEquals(peers.map(({ port, files }) => [port, files]).sort(), [[4_001, 2], [4_002, 1]]);

  await ann.ask({ action: "withdraw" }, Ok, [{ name: "docs/x", id: x.id }]);
  await ann.ask({ action: "heartbeat" }, Ok);
  const [left] = await ben.list({ action: "find", file: x.id, name: "docs/x" }, FoundReply);
  assertEquals(left.total, 2); // ann still has that content, under its other name
  await ann.ask({ action: "goodbye" }, Ok);
  assertEquals((await ben.list({ action: "get_peers" }, Peers)).length, 1);
  assertEquals(await ben.list({ action: "find", name: "y" }, FoundReply), []);
});

Deno.test("what needs a registration is refused without", async () => {
  await using server = startBootstrap();
  using ann = await TestPeer.open(server);
  await refused("not_registered", ann.ask({ action: "heartbeat" }, Ok));
  await refused("not_registered", ann.announce(await ann.sign("x")));
  await refused("not_registered", ann.ask({ action: "withdraw" }, Ok, []));
  await refused("unknown_action", ann.ask({ action: "dance" }, Ok));
  await ann.ask({ action: "goodbye" }, Ok);
  using ben = await TestPeer.open(server);
  await refused("bad_message", ben.ask({ action: "find" }, Ok));
});

Deno.test("signatures are checked", async () => {
  await using server = startBootstrap();
  using ann = await TestPeer.open(server);
  const port = 4_001;
  const { dialled } = await ann.claim(port);
  const stale = await signRegistration(ann.identity, "00".repeat(32), { port, dialled });
  const replayed = { action: "register", ...stale };
  await refused("bad_signature", ann.ask(replayed, Registered));
  await ann.register(port);
  const forged = { ...await ann.sign("forged"), size: 99 };
  const error = await assertRejects(
    async () => await ann.announce(await ann.sign("good"), forged),
    Refusal,
    "forged",
  );
  assertEquals(error.code, "bad_signature");
  assertEquals(await ann.list({ action: "list_files" }, Files), []);
  await refused("bad_message", ann.ask({ action: "announce" }, Ok, [{ name: "x" }]));
});

Deno.test("a connection speaks for one peer", async () => {
  await using server = startBootstrap();
  using ann = await TestPeer.open(server);
  await ann.register(4_001);
  const ben = await Identity.generate();
  const second = { action: "register", ...await ann.claim(4_002, undefined, ben) };
  await refused("bad_message", ann.ask(second, Registered));
});

Deno.test("a newer registration supersedes, and outlives, the older connection's", async () => {
  await using server = startBootstrap();
  using before = await TestPeer.open(server);
  await before.register(4_001);
  using after = await TestPeer.open(server, before.identity);
  await after.register(4_002);
  await refused("not_registered", before.ask({ action: "heartbeat" }, Ok));
  await before.ask({ action: "goodbye" }, Ok);
  before.caller.close();
  await after.announce(await after.sign("x"));
  const peers = await after.list({ action: "get_peers" }, Peers);
  assertEquals(peers.map(({ port }) => port), [4_002]);
});

Deno.test("a peer whose connection broke is listed until it has been silent", async () => {
  let time = 0;
  await using server = startBootstrap({ registry: new MemoryRegistry({ now: () => time }) });
  {
    using ann = await TestPeer.open(server);
    await ann.register(4_001);
  }
  using ben = await TestPeer.open(server);
  time = SILENCE_MS - 1;
  assertEquals((await ben.list({ action: "get_peers" }, Peers)).length, 1);
  time = SILENCE_MS;
  assertEquals((await ben.list({ action: "get_peers" }, Peers)).length, 0);
});

Deno.test("rubbish is answered with an error, and disturbs nobody", async () => {
  await using server = startBootstrap();
  using ann = await TestPeer.open(server);
  await ann.register(4_001);
  const hello = '{"action":"hello","id":1,"protocol":1,"agent":"t"}\n';
  const cases: [sent: string, heard: RegExp][] = [
    ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", /"bad_message".*malformed/],
    ["\0\xff\n", /"bad_message"/],
    ["[]\n", /"bad_message"/],
    ['{"action":"heartbeat","id":1}\n', /"bad_message".*say hello first/],
    ['{"action":"hello","id":1,"protocol":2,"agent":"t"}\n', /"bad_version"/],
    [`{"action":"${"x".repeat(70_000)}`, /"bad_message".*more than 65536 bytes/],
    ['{"action":"announce","id":1,"payload":1048577}\n', /"bad_message".*payload/],
    [hello + '{"action":"heartbeat","id":2,"payload":1}\nx', /unexpected payload/],
    [hello + '{"action":"heartbeat"}\n', /needs an id/],
    [hello + '{"action":"register","id":2,"peer":"x"}\n', /"bad_message".*peer/],
  ];
  for (const [sent, expected] of cases) {
    assertMatch(await converse(server.address, sent), expected, sent.slice(0, 80));
  }
  const gone = await Deno.connect({ hostname: "127.0.0.1", port: server.address.port });
  await gone.write(new TextEncoder().encode('{"action":"he'));
  gone.close();
  await ann.ask({ action: "heartbeat" }, Ok);
});

Deno.test("long cursors fit beside a payload", async () => {
  await using server = startBootstrap();
  using ann = await TestPeer.open(server);
  await ann.register(4_001);
  const names = Array.from(
    { length: 1_001 },
    (_, n) => `${n}`.padStart(4, "0") + "\n".repeat(1_000),
  );
  for (let at = 0; at < names.length; at += 100) {
    await ann.announce(...await Promise.all(names.slice(at, at + 100).map((n) => ann.sign(n))));
  }
  const listed: string[] = [];
  let cursor: string | undefined;
  do {
    const { reply, payload } = await ann.caller.request({ action: "list_files", cursor }, Files);
    const page: { name: string }[] = JSON.parse(new TextDecoder().decode(payload));
    for (const { name } of page) listed.push(name);
    cursor = reply.cursor;
  } while (cursor !== undefined);
  assertEquals(listed, names);
});

Deno.test("500 connections at once are served, and closed by an orderly stop", async () => {
  const server = startBootstrap();
  const peers = await Promise.all(Array.from({ length: 500 }, () => TestPeer.open(server)));
  await Promise.all(peers.map((peer, n) => peer.register(1 + n)));
  assertEquals((await peers[0].list({ action: "get_peers" }, Peers)).length, 500);
  await Promise.all([server.stop(), server.stop()]);
  for (const peer of peers) {
    await assertRejects(() => peer.ask({ action: "heartbeat" }, Ok), Fault, "closed");
  }
  await assertRejects(() => TestPeer.open(server), Fault, "connection refused");
});

Deno.test("one connection too many is told so", async () => {
  await using server = startBootstrap({ maxConnections: 1 });
  using ann = await TestPeer.open(server);
  await refused("busy", TestPeer.open(server));
  await ann.register(4_001);
});

Deno.test("a port in use is a fault that names it", async () => {
  await using server = startBootstrap();
  const { port } = server.address;
  const fault = assertThrows(() => startBootstrap({ port }), Fault);
  assertEquals(fault.message, `Cannot listen on 127.0.0.1:${port}: the port is in use`);
  assertEquals(fault.kind, "network");
});

Deno.test("unknown actions and notices count as questions", async () => {
  const few = { rate: 1, burst: 3 };
  const ask = { perAddress: few, total: few };
  const rates = new RateLimits({ rates: { ...RATES, ask } });
  await using server = startBootstrap({ rates });
  const end = await RawEnd.connect(server.address);
  using _ = end;
  await end.send({ action: "hello", id: 1, protocol: 1, agent: "x" });
  assertEquals((await end.line()).action, "hello");
  await end.send({ action: "cancel", request: 9 }, { action: "dance", id: 2 });
  assertEquals((await end.line()).code, "unknown_action");
  await end.send({ action: "dance", id: 3 });
  const { code, id, retry_after } = await end.line();
  assertEquals([code, id, retry_after], ["busy", 3, 1]);
});
