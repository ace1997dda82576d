import { assert, assertEquals, assertRejects } from "@std/assert";
import { Fault } from "../../../src/fault.ts";
import { ConnectionPool, FURTHER_CAP, LINES_CAP } from "../../../src/peer/reach/connection_pool.ts";
import { WrongPeer } from "../../../src/trust/call_peer.ts";
import { Identity } from "../../../src/trust/identity.ts";
import { RateLimiter } from "../../../src/async/rate_limiter.ts";
import type { PeerPlace } from "../../../src/peer/reach/rung.ts";
import type { Address } from "../../../src/wire/address.ts";
import { PeerSource } from "../../../src/peer/download/peer_source.ts";
import * as v from "valibot";
import { faultOf } from "../../support/faults.ts";
import { type Greeting, helloReply, PROVER } from "../../support/prover.ts";
import { RawEnd, Scripted } from "../../support/sockets.ts";
import { until } from "../../support/until.ts";

const anything = v.looseObject({});
const never = new AbortController().signal;
const PEER = PROVER.id;
const placeOf = (address: Address, peer?: string): PeerPlace => ({
  peer,
  addresses: [{ ...address, path: "direct" }],
});
const limit = new RateLimiter(undefined);
const linesOf = () =>
  new ConnectionPool({
    self: () => ({ agent: "test/1", peer: "cd".repeat(32), port: 4_000 }),
    limitDown: [limit],
  });

/** A peer that answers `hello` and leaves the rest to the test. */
function peer() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const ends: RawEnd[] = [];
  const greetings: { further?: boolean }[] = [];
  const accepting = (async () => {
    for await (const conn of listener) {
      const end = new RawEnd(conn);
      ends.push(end);
      const greeting = await end.line();
      greetings.push(greeting);
      await end.send(await helloReply(greeting));
    }
  })().catch(() => {});
  return {
    address: { host: "127.0.0.1", port: (listener.addr as Deno.NetAddr).port },
    ends,
    greetings,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const end of ends) end.close();
      await accepting;
    },
  };
}

const fileOf = (digit: string) => ({ id: digit.repeat(64), size: 1 });

Deno.test("connection pool: downloads from one peer share a connection, and each hears its own", async () => {
  await using other = peer();
  const self = { agent: "test/1", peer: "cd".repeat(32), lines: linesOf() };
  const [a, b] = ["a", "b"].map((digit) => new PeerSource(fileOf(digit), other.address, self));
  await Promise.all([a.connect(never), b.connect(never)]);
  assertEquals(other.ends.length, 1);
  const [end] = other.ends;
  assertEquals([a.receipt.peer, b.receipt.peer], [PEER, PEER]);
  const told: string[] = [];
  const maps = Promise.all([a, b].map((one, n) => one.have(() => told.push("ab"[n]))));
  for (const _ of [a, b]) {
    const { id } = await end.line();
    await end.send({ action: "map", id, complete: false, payload: 1 }, new Uint8Array(1));
  }
  assertEquals((await maps).map(({ count }) => count), [0, 0]);
  await end.send({ action: "has", file: fileOf("b").id, runs: [[0, 1]] });
  await until(() => told.length > 0);
  assertEquals(told, ["b"]);
  a.close();
  b.close();
  await end.closed();
});

Deno.test("connection pool: who leaves fails at once and takes back; the others' replies still come", async () => {
  await using other = peer();
  const lines = linesOf();
  const [going, staying] = await Promise.all([1, 2].map(() => {
    return lines.open(placeOf(other.address), { signal: never });
  }));
  assertEquals(other.ends.length, 1);
  const self = { agent: "test/1", peer: "cd".repeat(32), lines };
  const source = new PeerSource(fileOf("a"), other.address, self);
  await source.connect(never);
  const [end] = other.ends;
  const digests = source.digests(0, 0);
  const asked = await end.line();
  const late = staying.request({ action: "sources", file: fileOf("b").id }, anything);
  const next = await end.line();
  source.close();
  assertEquals((await faultOf("network", () => digests)).message.includes("taken back"), true);
  assertEquals(await end.line(), { action: "cancel", request: asked.id });
  // The reply was on its way: nobody waits for it, and it is in nobody's way.
  await end.send({ action: "digests", id: asked.id, payload: 3 }, new Uint8Array(3));
  await end.send({ action: "fine", id: next.id });
  assertEquals((await late).reply, { action: "fine", id: next.id });
  going.close();
  going.close();
  assert(!staying.caller.connection.closed, "one is left");
  staying.close();
  await end.closed();
});

Deno.test("connection pool: one that gives up while it is opened leaves the others their connection", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = { host: "127.0.0.1", port: (listener.addr as Deno.NetAddr).port };
  const lines = linesOf();
  const impatient = new AbortController();
  const given = lines.open(placeOf(address), { signal: impatient.signal });
  const waiting = lines.open(placeOf(address), { signal: never });
  const end = new RawEnd(await listener.accept());
  const greeting = await end.line();
  const why = new Fault("deadline", "too late");
  impatient.abort(why);
  assertEquals(await assertRejects(() => given), why);
  await end.send(await helloReply(greeting));
  const line = await waiting;
  line.close();
  await end.closed();
  end.close();
  listener.close();
});

Deno.test("connection pool: a limit of one's own, and too many downloads, want other connections", async () => {
  await using other = peer();
  const lines = linesOf();
  const open = (limits?: RateLimiter[]) =>
    lines.open(placeOf(other.address), { signal: never, limits });
  const shared = await Promise.all(Array.from({ length: LINES_CAP }, () => open([limit])));
  assertEquals(other.ends.length, 1);
  const own = await open([limit, new RateLimiter(1 << 20)]);
  const beyond = await open();
  assertEquals(other.ends.length, 3);
  for (const line of [...shared, own, beyond]) line.close();
  for (const end of other.ends) await end.closed();
});

Deno.test("connection pool: a peer is connected to three times more at most, of all downloads together", async () => {
  await using other = peer();
  const pool = linesOf();
  const self = { agent: "test/1", peer: "cd".repeat(32), lines: pool };
  const source = new PeerSource(fileOf("a"), other.address, self);
  await source.connect(never);
  const further = Array.from({ length: FURTHER_CAP }, () => source.further()!);
  await Promise.all(further.map((one) => one.connect(never)));
  assertEquals(source.further(), undefined);
  await faultOf("network", further[0].connect(never));
  assertEquals(other.greetings.map(({ further = false }) => further), [false, true, true, true]);
  further[0].close();
  await other.ends[1].closed();
  await until(() => source.further() !== undefined);
  for (const one of [source, ...further]) one.close();
  for (const end of other.ends) await end.closed();
});

Deno.test("connection pool: a connection that is held is there for the next download", async () => {
  await using other = peer();
  const lines = linesOf();
  const open = () => lines.open(placeOf(other.address), { signal: never });
  {
    using _held = lines.hold();
    (await open()).close();
    const again = await open();
    assertEquals(other.ends.length, 1);
    again.close();
  }
  await other.ends[0].closed();
  {
    using _held = lines.hold();
    (await open()).close();
    other.ends[1].close();
    // What broke meanwhile fails the one who asks there, and not the next.
    const late = await open();
    await faultOf("network", late.request({ action: "sources" }, anything));
    late.close();
    (await open()).close();
    assertEquals(other.ends.length, 3);
  }
  await other.ends[2].closed();
});

Deno.test("connection pool: a connection that broke is opened anew for the next one", async () => {
  await using other = peer();
  const lines = linesOf();
  const line = await lines.open(placeOf(other.address), { signal: never });
  line.listen(() => {});
  other.ends[0].close();
  await line.ended;
  const next = await lines.open(placeOf(other.address), { signal: never });
  assertEquals(other.ends.length, 2);
  line.close();
  assert(!next.caller.connection.closed);
  next.close();
});

Deno.test("connection pool: the peer that answers must be the one that is called", async () => {
  await using other = peer();
  const lines = linesOf();
  const [own, wrong] = [PROVER.id, "ab".repeat(32)];
  const open = (id: string) => lines.open(placeOf(other.address, id), { signal: never });
  const line = await open(own);
  const why = `another peer, ${own.slice(0, 12)} in place of ${wrong.slice(0, 12)}`;
  await faultOf("network", open(wrong), why);
  // Somebody else's mistake disturbs nobody on the connection of the right one.
  assert(!line.caller.connection.closed);
  const again = await open(own);
  assertEquals([line.peer, again.peer, other.ends.length], [own, own, 2]);
  line.close();
  again.close();
});

Deno.test("connection pool: an id that isn't proven, or is one's own, is nobody's", async () => {
  const liar = await Identity.generate();
  const answers: ((greeting: Greeting) => Promise<object>)[] = [
    async (greeting) => ({ ...await helloReply(greeting), proof: undefined }),
    async (greeting) => ({ ...await helloReply(greeting), nonce: undefined }),
    async (greeting) => ({ ...await helloReply(greeting), peer: liar.id }),
    (greeting) => helloReply({ ...greeting, nonce: "00".repeat(32) }),
    (greeting) => helloReply({ ...greeting, peer: liar.id }),
    (greeting) => helloReply({ id: greeting.id }),
  ];
  for (const answer of answers) {
    await using callee = new Scripted(async (end) => {
      await end.send(await answer(await end.line()));
      await end.closed();
    });
    const opening = linesOf().open(placeOf(callee.address), { signal: never });
    assert(await faultOf("network", opening, "does not prove its id") instanceof WrongPeer);
  }
  await using other = peer();
  const self = () => ({ agent: "test/1", peer: PROVER.id });
  const opening = new ConnectionPool({ self, limitDown: [] }).open(placeOf(other.address), {
    signal: never,
  });
  await faultOf("network", opening, "is this peer itself");
});
