import { assert, assertEquals, assertRejects } from "@std/assert";
import { callBack } from "../../src/bootstrap/call_back.ts";
import { CallBacks, type CallBacksOptions } from "../../src/bootstrap/call_backs.ts";
import { callableAddresses } from "../../src/bootstrap/callable_addresses.ts";
import { MemoryRegistry } from "../../src/bootstrap/memory_registry.ts";
import { RECHECK_MS, RETRY_FIRST_MS } from "../../src/bootstrap/limits.ts";
import { Fault } from "../../src/fault.ts";
import { Identity } from "../../src/trust/identity.ts";
import { signProof, verifyProof } from "../../src/trust/proof.ts";
import type { Address } from "../../src/wire/connection.ts";
import { closedPort, type RawEnd, Scripted } from "../support/sockets.ts";
import { settled } from "../support/fake_clock.ts";

const NONCE = "0f".repeat(32);
const DIALLED = { host: "192.0.2.1", port: 8_000 };
const agent = "test";
const never = new AbortController().signal;

Deno.test("a proof counts for one key, its nonces and one verifier", async () => {
  const [ann, ben] = [await Identity.generate(), await Identity.generate()];
  const challenge = { nonce: NONCE, bootstrap: DIALLED };
  const { nonce, proof } = await signProof(ann, challenge);
  assert(await verifyProof(ann.id, challenge, { nonce, proof }));
  const other = "00".repeat(32);
  assert(!await verifyProof(ann.id, { ...challenge, nonce: other }, { nonce, proof }));
  assert(!await verifyProof(ann.id, challenge, { nonce: other, proof }));
  assert(!await verifyProof(ann.id, challenge, { proof }));
  assert(!await verifyProof(ann.id, { nonce: NONCE }, { nonce, proof }));
  assert(!await verifyProof(ann.id, { nonce: NONCE, peer: ben.id }, { nonce, proof }));
  const elsewhere = { ...DIALLED, port: DIALLED.port + 1 };
  assert(!await verifyProof(ann.id, { nonce: NONCE, bootstrap: elsewhere }, { nonce, proof }));
  assert(!await verifyProof(ben.id, challenge, { nonce, proof }));
  const verifier = new TextEncoder().encode("bootstrap 192.0.2.1:8000").toHex();
  const signed = "73686f616c2f312070726f6f6600" + NONCE + nonce + ann.id + verifier;
  assertEquals(proof, (await ann.sign(Uint8Array.fromHex(signed))).toHex());
});

/** A peer that registered here. */
function whoIs(peer: string) {
  return { peer, dialled: DIALLED };
}

/** A listener that answers `hello` with a peer's proof, as `answer` alters it. */
function proving(identity: Identity, answer: (reply: object, request: object) => object) {
  return new Scripted(async (end: RawEnd) => {
    const request = await end.line();
    const reply = { action: "hello", id: request.id, protocol: 1, agent, peer: identity.id };
    const { nonce, bootstrap } = request;
    const proof = await signProof(identity, { nonce, bootstrap });
    await end.send(answer({ ...reply, ...proof }, request));
    await end.closed();
  });
}

Deno.test("a peer that is called proves that it is itself", async () => {
  const ann = await Identity.generate();
  await using honest = proving(ann, (reply) => reply);
  await callBack(honest.address, whoIs(ann.id), { agent, signal: never });
  const ben = await Identity.generate();
  await assertRejects(
    () => callBack(honest.address, whoIs(ben.id), { agent, signal: never }),
    Fault,
    "did not prove",
  );
});

Deno.test("whatever else answers is not that peer", async () => {
  const ann = await Identity.generate();
  const mallory = await Identity.generate();
  const stale = await signProof(ann, { nonce: NONCE, bootstrap: DIALLED });
  const lies: ((reply: object, request: object) => object)[] = [
    (reply) => ({ ...reply, proof: undefined }),
    (reply) => ({ ...reply, ...stale }),
    (reply) => ({ ...reply, peer: mallory.id }),
    (reply) => ({ ...reply, proof: 1 }),
    () => ({ action: "error", code: "busy", message: "" }),
    () => ({ status: "registered" }),
  ];
  for (const lie of lies) {
    await using liar = proving(ann, lie);
    const calling = callBack(liar.address, whoIs(ann.id), { agent, signal: never });
    await assertRejects(() => calling, Fault, undefined, lie.toString());
  }
  // Somebody else's proof in that somebody's own name.
  await using other = proving(mallory, (reply) => ({ ...reply, peer: ann.id }));
  await assertRejects(
    () => callBack(other.address, whoIs(ann.id), { agent, signal: never }),
    Fault,
  );
});

Deno.test("a call back ends when nobody answers, nothing is said, or it is not needed", async () => {
  const options = { agent, signal: never, ms: 50 };
  const closed = { host: "127.0.0.1", port: closedPort() };
  await assertRejects(() => callBack(closed, whoIs(NONCE), options), Fault, "refused");
  await using silent = new Scripted((end) => end.closed());
  await assertRejects(() => callBack(silent.address, whoIs(NONCE), options), Fault);
  const over = new AbortController();
  const calling = callBack(silent.address, whoIs(NONCE), { agent, signal: over.signal });
  const reason = new Error("over");
  over.abort(reason);
  assertEquals(await calling.catch((error) => error), reason);
});

Deno.test("only where a peer is may it be called", async () => {
  const names: Record<string, string[]> = {
    "peer.example": ["192.0.2.1"],
    "both.example": ["127.0.0.1", "169.254.169.254", "192.0.2.1"],
    "inside.example": ["127.0.0.1", "10.0.0.1", "fe80::1", "::1", "0.0.0.0", "fd00::1"],
  };
  const allowed = async (host: string, seen: string, own = ["10.0.0.9", "fd00::9"]) => {
    const resolve = (name: string) => Promise.resolve(names[name] ?? [name]);
    const addresses = await callableAddresses({ host, port: 9 }, seen, { resolve, own: () => own });
    for (const { port } of addresses) assertEquals(port, 9);
    return addresses.map(({ host }) => host);
  };
  // From outside: where the registration came from, by whatever name, and nowhere else.
  assertEquals(await allowed("192.0.2.1", "192.0.2.1"), ["192.0.2.1"]);
  assertEquals(await allowed("peer.example", "192.0.2.1"), ["192.0.2.1"]);
  assertEquals(await allowed("both.example", "192.0.2.1"), ["192.0.2.1"]);
  assertEquals(await allowed("::ffff:192.0.2.1", "192.0.2.1"), ["::ffff:192.0.2.1"]);
  assertEquals(await allowed("inside.example", "192.0.2.1"), []);
  for (
    const inner of [
      ...["127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "169.254.169.254", "fe80::1"],
      ...["10.0.0.9", "10.0.0.1", "192.168.0.1", "fd00::9", "192.0.2.2", "224.0.0.1"],
    ]
  ) {
    assertEquals(await allowed(inner, "192.0.2.1"), [], inner);
  }
  // From this machine: its own addresses too, but no other loopback one.
  assertEquals(await allowed("10.0.0.9", "127.0.0.1"), ["10.0.0.9"]);
  assertEquals(await allowed("fd00::9", "10.0.0.9"), ["fd00::9"]);
  assertEquals(await allowed("127.0.0.2", "127.0.0.1"), []);
  assertEquals(await allowed("10.0.0.1", "127.0.0.1"), []);
  assertEquals(await allowed("127.0.0.1", "10.0.0.9"), []);
  // From the same network: not the neighbours.
  assertEquals(await allowed("10.0.0.1", "10.0.0.2"), []);
});

Deno.test("the system's own names are resolved", async () => {
  const [address] = await callableAddresses({ host: "localhost", port: 9 }, "127.0.0.1");
  assertEquals(address, { host: "127.0.0.1", port: 9 });
  // However a number may be written, it is what it means that counts.
  assertEquals(await callableAddresses({ host: "127.1", port: 9 }, "192.0.2.1"), []);
  assertEquals(await callableAddresses({ host: "2130706433", port: 9 }, "192.0.2.1"), []);
});

/** Call backs of which the test decides how each ends. */
class Bench {
  now = 0;
  readonly registry = new MemoryRegistry({ now: () => 0 });
  readonly calls: { host: string; port: number; peer: string; end: (reached: boolean) => void }[] =
    [];
  readonly callBacks: CallBacks;

  constructor(options: Partial<CallBacksOptions> = {}) {
    this.callBacks = new CallBacks({
      registry: this.registry,
      now: () => this.now,
      random: () => 0,
      callable: (advertised) => Promise.resolve([advertised]),
      call: ({ host, port }: Address, { peer }, signal) =>
        new Promise((resolve, reject) => {
          const end = (reached: boolean) => reached ? resolve() : reject(new Fault("network", ""));
          signal.addEventListener("abort", () => reject(signal.reason));
          this.calls.push({ host, port, peer, end });
        }),
      ...options,
    });
  }

  async register(peer: string, { seen = "192.0.2.1", advertise }: {
    seen?: string;
    advertise?: Address;
  } = {}): Promise<void> {
    await this.registry.register({ peer, address: seen, port: 1 }, seen);
    this.callBacks.watch({ peer, seen, port: 1, dialled: DIALLED, advertise });
    await settled();
  }

  async end(reached: boolean): Promise<void> {
    this.calls.shift()!.end(reached);
    await settled();
  }

  /** The address under which a peer is listed, and whether it is known to be reachable there. */
  async listed(peer: string): Promise<[string, boolean | null]> {
    const { address, port, reachable } = await this.registry.heartbeat(peer);
    return [`${address}:${port}`, reachable];
  }

  async pass(ms: number): Promise<void> {
    this.now += ms;
    this.callBacks.tick();
    await settled();
  }
}

const SEEN = "192.0.2.1:1";
const ADVERTISED = { host: "192.0.2.1", port: 2 };

Deno.test("an advertised address is listed once the peer answered there", async () => {
  const bench = new Bench();
  await bench.register("ann", { advertise: ADVERTISED });
  assertEquals(await bench.listed("ann"), [SEEN, null]);
  assertEquals(bench.calls.map(({ port }) => port), [2]);
  await bench.end(true);
  assertEquals(await bench.listed("ann"), ["192.0.2.1:2", true]);
  assertEquals(bench.calls, []);
  await bench.callBacks.stop();
});

Deno.test("without an answer there, the address that was seen is called and listed", async () => {
  const bench = new Bench();
  await bench.register("ann", { advertise: ADVERTISED });
  await bench.end(false);
  assertEquals(bench.calls.map(({ port }) => port), [1]);
  await bench.end(true);
  assertEquals(await bench.listed("ann"), [SEEN, true]);
  await bench.callBacks.stop();
});

Deno.test("who isn't reached is called again, less and less often; who is, now and again", async () => {
  const bench = new Bench();
  await bench.register("ann");
  await bench.end(false);
  assertEquals(await bench.listed("ann"), [SEEN, false]);
  for (const pause of [RETRY_FIRST_MS, 2 * RETRY_FIRST_MS, 4 * RETRY_FIRST_MS]) {
    await bench.pass(pause - 1);
    assertEquals(bench.calls.length, 0);
    await bench.pass(1);
    await bench.end(false);
  }
  await bench.pass(8 * RETRY_FIRST_MS);
  await bench.end(true);
  assertEquals(await bench.listed("ann"), [SEEN, true]);
  await bench.pass(RECHECK_MS - 1);
  assertEquals(bench.calls.length, 0);
  await bench.pass(1);
  await bench.end(false);
  assertEquals(await bench.listed("ann"), [SEEN, false]);
  await bench.pass(RETRY_FIRST_MS);
  await bench.end(true);
  await bench.registry.goodbye("ann");
  await bench.pass(RECHECK_MS);
  await bench.end(true);
  assertEquals(bench.callBacks.watched, 0, "nobody is called who isn't here");
  await bench.callBacks.stop();
});

Deno.test("call backs are bounded in all and by address, and addresses take turns", async () => {
  const bench = new Bench({ most: 3, mostPerAddress: 2 });
  for (let n = 0; n < 10; n++) await bench.register(`m${n}`, { seen: "192.0.2.66" });
  assertEquals(bench.calls.map(({ peer }) => peer), ["m0", "m1"]);
  await bench.register("ann");
  assertEquals(bench.calls.map(({ peer }) => peer), ["m0", "m1", "ann"]);
  await bench.register("ben", { seen: "192.0.2.2" });
  assertEquals(bench.callBacks.underWay, 3);
  await bench.end(false); // m0: now there is room for one
  await bench.end(false); // m1
  assertEquals(new Set(bench.calls.map(({ peer }) => peer)), new Set(["ann", "ben", "m2"]));
  while (bench.calls.length > 0) await bench.end(true);
  assertEquals(bench.callBacks.underWay, 0);
  assertEquals(await bench.listed("m9"), ["192.0.2.66:1", true]);
  await bench.callBacks.stop();
});

Deno.test("a new registration takes the place of a call back under way", async () => {
  const bench = new Bench();
  await bench.register("ann", { advertise: ADVERTISED });
  const [before] = bench.calls;
  await bench.register("ann");
  before.end(true);
  await settled();
  assertEquals(await bench.listed("ann"), [SEEN, null]);
  bench.calls.shift();
  await bench.end(true);
  assertEquals(await bench.listed("ann"), [SEEN, true]);
  await bench.register("ben");
  await bench.callBacks.stop();
  assertEquals(bench.callBacks.underWay, 0);
});

Deno.test("names that no name server knows keep no call back waiting", async () => {
  const never = Promise.withResolvers<Address[]>();
  let lookUps = 0;
  const callable = () => {
    lookUps++;
    return never.promise;
  };
  const bench = new Bench({ callable, lookUpMs: 0 });
  const peers = Array.from({ length: 80 }, (_, n) => `dead ${n}`);
  for (const [n, peer] of peers.entries()) {
    await bench.register(peer, { seen: `192.0.2.${1 + n % 5}`, advertise: ADVERTISED });
  }
  await bench.register("ann", { seen: "192.0.2.9" });
  while (bench.calls[0] && bench.calls[0].peer !== "ann") await bench.end(false);
  assertEquals(bench.calls[0]?.peer, "ann", "an honest peer is called all the same");
  assertEquals(lookUps, 40, "an address has 8 look-ups, however long they take");
  const stopped = bench.callBacks.stop();
  never.resolve([]);
  await stopped;
});
