import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Fault } from "../../src/fault.ts";
import { relayOf } from "../../src/peer/reach/meet.ts";
import { inTheClear, writeAll } from "../../src/wire/transport.ts";
import type { BootstrapServer } from "../../src/bootstrap/server.ts";
import { Introductions, type Reachable } from "../../src/bootstrap/introductions.ts";
import { Refused } from "../../src/wire/answerer.ts";
import { Refusal } from "../../src/wire/caller.ts";
import type { Message } from "../../src/wire/codec.ts";
import { Go, type WantedNotice, type Way } from "../../src/wire/protocol.ts";
import { Met, Reaching, Registered } from "../../src/wire/protocol.ts";
import { startBootstrap, TestPeer } from "./bench.ts";

const TOKEN = "5e".repeat(16);
const ALL: Way[] = ["reverse", "punch", "relay"];

/** A registered peer with these ways, and the notices that it gets. */
async function registered(server: BootstrapServer, ways: string[]) {
  const peer = await TestPeer.open(server);
  await peer.ask({ action: "register", ...await peer.claim(4_001), ways }, Registered);
  const heard: Message[] = [];
  const next = Promise.withResolvers<Message>();
  peer.caller.listen((notice) => {
    heard.push(notice);
    next.resolve(notice);
  });
  return { peer, id: peer.identity.id, heard, next: next.promise };
}

async function refused(code: string, promise: Promise<unknown>): Promise<void> {
  assertEquals((await assertRejects(() => promise, Refusal)).code, code);
}

Deno.test("a peer is told which ways a caller wants, and where the caller was seen", async () => {
  await using server = startBootstrap();
  const { peer, id, next } = await registered(server, ["reverse", "punch", "other"]);
  using _ = peer;
  using caller = await TestPeer.open(server);
  const wish = { action: "reach", peer: id, token: TOKEN, ways: ALL, port: 4_002 };
  assertEquals((await caller.ask(wish, Reaching)).ways, ["reverse", "punch"]);
  const { host, ...told } = await next as WantedNotice;
  assertEquals(told, { action: "wanted", token: TOKEN, ways: ["reverse", "punch"], port: 4_002 });
  assertEquals(host, "127.0.0.1");
  await refused("bad_message", caller.ask(wish, Reaching));
});

Deno.test("nobody is called at a well-known port, or without one", async () => {
  await using server = startBootstrap();
  const { peer, id, heard } = await registered(server, ["reverse"]);
  using _ = peer;
  using caller = await TestPeer.open(server);
  const wish = { action: "reach", peer: id, token: TOKEN, ways: ["reverse"] };
  assertEquals((await caller.ask(wish, Reaching)).ways, []);
  await refused("bad_message", caller.ask({ ...wish, port: 25 }, Reaching));
  assertEquals(heard, []);
});

Deno.test("an address inside of a network is not told to a peer outside of it", () => {
  const told: WantedNotice[] = [];
  const at = (host: string): Reachable => ({ host, ways: ALL, tell: (one) => void told.push(one) });
  const from = (host: string, token: string) => ({ token, host, port: 4_002, ways: ALL });
  const introductions = new Introductions(["reverse", "punch"]);
  const outside = at("198.51.100.7");
  for (const [i, host] of ["127.0.0.1", "10.0.0.1", "fe80::1", "192.168.1.1"].entries()) {
    const ways = introductions.introduce(outside, from(host, `${i}`.repeat(32)));
    assertEquals(ways, ["punch"], `${host} is not to be called`);
  }
  assertEquals(introductions.introduce(outside, from("203.0.113.9", "a".repeat(32))).length, 2);
  assertEquals(introductions.introduce(at("10.0.0.2"), from("10.0.0.1", TOKEN)).length, 2);
});

Deno.test("a token is good for a short time, and only for the ways that it was told with", () => {
  let now = 0;
  const introductions = new Introductions(["reverse", "punch"], () => now);
  const peer: Reachable = { host: "192.0.2.1", ways: ["punch"], tell: () => {} };
  introductions.introduce(peer, { token: TOKEN, ways: ALL, host: "192.0.2.2", port: 4_002 });
  introductions.require(TOKEN, "punch");
  for (const [token, way] of [[TOKEN, "relay"], ["0".repeat(32), "punch"]] as const) {
    assertNotMet(() => introductions.require(token, way));
  }
  now = 60_000;
  assertNotMet(() => introductions.require(TOKEN, "punch"));
});

function assertNotMet(act: () => void): void {
  assertEquals(assertThrows(act, Refused).code, "not_met");
}

Deno.test("two that punch are told where the other was seen, at once", async () => {
  await using server = startBootstrap();
  const { peer, id } = await registered(server, ["punch"]);
  using _ = peer;
  using caller = await TestPeer.open(server);
  await caller.ask({ action: "reach", peer: id, token: TOKEN, ways: ["punch"] }, Reaching);
  using one = await TestPeer.open(server);
  using other = await TestPeer.open(server);
  const meet = { action: "meet", token: TOKEN, way: "punch" };
  const [first, second] = await Promise.all([one.ask(meet, Go), other.ask(meet, Go)]);
  assertEquals(first.port, other.caller.connection.local.port);
  assertEquals(second.port, one.caller.connection.local.port);
});

/** Two ends that have met at the relay, spoken by hand. */
async function pairAt(server: BootstrapServer, token = TOKEN) {
  const { peer, id } = await registered(server, ["relay"]);
  using caller = await TestPeer.open(server);
  using _ = peer;
  await caller.ask({ action: "reach", peer: id, token, ways: ["relay"] }, Reaching);
  const ends = [await TestPeer.open(server), await TestPeer.open(server)];
  const meet = { action: "meet", token, way: "relay" };
  try {
    await Promise.all(ends.map((end) => end.ask(meet, Met)));
  } catch (error) {
    for (const end of ends) end[Symbol.dispose]();
    throw error;
  }
  return ends.map(({ caller }) => caller.connection.detach());
}

async function readAll(from: { read(into: Uint8Array): Promise<number | null> }, bytes: number) {
  const into = new Uint8Array(bytes);
  let filled = 0;
  for (let n; filled < bytes && (n = await from.read(into.subarray(filled))) !== null;) filled += n;
  return into.subarray(0, filled);
}

Deno.test("a relay passes on all that either end says, and closes both with one", async () => {
  await using server = startBootstrap({ relay: { rate: 1e9 } });
  const [one, other] = await pairAt(server);
  const sent = crypto.getRandomValues(new Uint8Array(60_000));
  const heard = readAll(other, sent.length);
  await writeAll(one, sent);
  assertEquals(await heard, sent);
  await other.write(new Uint8Array([7]));
  assertEquals(await readAll(one, 1), new Uint8Array([7]));
  one.close();
  assertEquals(await readAll(other, 1), new Uint8Array());
  other.close();
});

Deno.test("a relay passes on no more than it may in all, and then says so", async () => {
  await using server = startBootstrap({ relay: { rate: 1e9, total: 1_000 } });
  const [one, other] = await pairAt(server);
  const heard = readAll(other, 2_000);
  await one.write(new Uint8Array(600));
  await one.write(new Uint8Array(600));
  assert((await heard).length <= 1_000);
  for (const end of [one, other]) end.close();
  await refused("busy", pairAt(server, "0b".repeat(16)));
});

Deno.test("a relay keeps to its rate", async () => {
  await using server = startBootstrap({ relay: { rate: 100_000 } });
  const [one, other] = await pairAt(server);
  const began = performance.now();
  const heard = readAll(other, 50_000);
  await writeAll(one, new Uint8Array(50_000));
  await heard;
  assert(performance.now() - began > 300, "half of a second's bytes took a third of it at least");
  for (const end of [one, other]) end.close();
});

Deno.test("a relay has a bounded number of pairs, in all and between two addresses", async () => {
  for (const limits of [{ maxCircuits: 1 }, { maxPerPair: 1 }]) {
    await using server = startBootstrap({ relay: { rate: 1e9, ...limits } });
    const ends = await pairAt(server);
    await refused("busy", pairAt(server, "0b".repeat(16)));
    for (const end of ends) end.close();
  }
});

Deno.test("a peer of an open swarm relays for nobody, whatever it says", async () => {
  await using server = startBootstrap();
  using relay = await TestPeer.open(server);
  const claim = await relay.claim(4_003);
  await relay.ask({ action: "register", ...claim, relay: true }, Registered);
  const { peer, id } = await registered(server, ["relay"]);
  using _ = peer;
  using caller = await TestPeer.open(server);
  const wish = { action: "reach", peer: id, token: TOKEN, ways: ["relay"] };
  const { ways, relay: named } = await caller.ask(wish, Reaching);
  assertEquals([ways, named], [[], undefined]);
});

Deno.test("a relay that a bootstrap names counts in its private swarm alone, and in its reach", () => {
  const [at, relay] = ["203.0.113.1", "203.0.113.2"].map((host) => ({ host, port: 8_000 }));
  const swarm = { ...inTheClear, secured: true };
  assertEquals(relayOf({ at: at! }, inTheClear), at);
  assertEquals(relayOf({ at: at!, relay }, swarm), relay);
  assertThrows(() => relayOf({ at: at!, relay }, inTheClear), Fault, "not its to name");
  const inner = { host: "127.0.0.1", port: 8_000 };
  assertThrows(() => relayOf({ at: at!, relay: inner }, swarm), Fault, "not its to name");
});

Deno.test("nobody is brought together by a token that was not told", async () => {
  await using server = startBootstrap({ relay: { rate: 1e9 } });
  using stranger = await TestPeer.open(server);
  for (const way of ["punch", "relay"]) {
    using end = await TestPeer.open(server);
    await refused("not_met", end.ask({ action: "meet", token: TOKEN, way }, Go));
  }
  const wish = { action: "reach", peer: "0f".repeat(32), token: TOKEN, ways: ALL, port: 4_002 };
  await refused("not_registered", stranger.ask(wish, Reaching));
});
