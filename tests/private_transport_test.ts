// The X.509 library looks for this when it is loaded.
import "reflect-metadata";
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { X509Certificate } from "@peculiar/x509";
import { fromHex } from "../src/content/hex.ts";
import { findTarget } from "../src/peer/find_target.ts";
import { Listener } from "../src/peer/listener.ts";
import { delay } from "../src/peer/retry.ts";
import type { Swarm } from "../src/peer/swarm.ts";
import type { TrustBook } from "../src/peer/trust_book.ts";
import type { DigestStore } from "../src/store/digest_store.ts";
import { admit, join, prove } from "../src/trust/membership.ts";
import { HANDSHAKES_MOST, PrivateListener } from "../src/trust/private_listener.ts";
import { PrivateTransport } from "../src/trust/private_transport.ts";
import { NAME_SUFFIX, SwarmAuthority } from "../src/trust/swarm_authority.ts";
import { newSwarmKey, rotateSwarmKey, type SwarmKey } from "../src/trust/swarm_key.ts";
import { findNameKey, makeSwarmName } from "../src/trust/swarm_name.ts";
import { deriveSwarmSecrets } from "../src/trust/swarm_secrets.ts";
import { answer } from "../src/wire/answerer.ts";
import { Caller } from "../src/wire/caller.ts";
import { type Address, Connection } from "../src/wire/connection.ts";
import { PeerHello, PeerRequest } from "../src/wire/protocol.ts";
import type { Transport, TransportListener } from "../src/wire/transport.ts";
import { eventually } from "./e2e/checks.ts";
import { faultOf } from "./support/faults.ts";
import { curl, CURL_NO_TLS, openssl } from "./support/outsider.ts";
import { connectionPair, RawEnd, Scripted } from "./support/sockets.ts";

const PEER = "ab".repeat(32);
const ANYWHERE: Address = { host: "127.0.0.1", port: 0 };
const HOUR = 3_600_000;
const NOW = Date.parse("2026-01-31T09:05:00Z");

/** A listener that answers `hello`, and a clock of its own. */
class Member implements AsyncDisposable {
  readonly transport: Transport;
  readonly listener: Listener;
  served = 0;

  private constructor(transport: Transport, bulk: boolean) {
    this.transport = bulk ? transport : slow(transport);
    this.listener = new Listener(ANYWHERE, (connection) => this.#serve(connection), {
      connection: { transport: this.transport },
    });
  }

  static async create(
    key: SwarmKey,
    { now = () => NOW, handshakeMs, bulk = false }: {
      now?: () => number;
      handshakeMs?: number;
      bulk?: boolean;
    } = {},
  ): Promise<Member> {
    return new Member(await PrivateTransport.of(key, { now, handshakeMs }), bulk);
  }

  get address(): Address {
    return this.listener.address;
  }

  async greet({ address }: { address: Address }): Promise<Caller> {
    const { transport } = this;
    const { caller, hello } = await Caller.open(address, PeerHello, { agent: "test", transport });
    assertEquals(hello.peer, PEER);
    return caller;
  }

  async meets(other: Member): Promise<void> {
    (await this.greet(other)).close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.listener.stop();
  }

  #serve(connection: Connection): Promise<void> {
    this.served++;
    return answer<PeerRequest>(connection, {
      requests: PeerRequest,
      seed: () => Promise.reject(new Error("the seed's dialect is off")),
      answer: ({ id }) => ({
        message: { action: "hello", id, protocol: 1, agent: "test", peer: PEER },
      }),
    });
  }
}

/** The same, but that it listens through the gate. */
function slow(transport: Transport): Transport {
  return {
    secured: transport.secured,
    connect: (address, signal) => transport.connect(address, signal),
    listen: (address) => transport.listen(address),
    join: (connection) => transport.join(connection),
    admit: (connection) => transport.admit(connection),
  };
}

/** What a raw connection gets to see, to the end. */
async function seen(address: Address, ...parts: (string | Uint8Array)[]): Promise<Uint8Array> {
  using end = await RawEnd.connect(address);
  await end.send(...parts);
  return await end.bytes(1_000);
}

const ALERT = new Uint8Array([21, 3, 3, 0, 2, 2, 50]);

/** With a gate, and without. */
function both(name: string, test: (bulk: boolean) => Promise<void>): void {
  for (const bulk of [false, true]) {
    Deno.test(`${name} (${bulk ? "without" : "with"} a gate)`, () => test(bulk));
  }
}

both("members meet, and learn nothing more than in an open swarm", async (bulk) => {
  const key = newSwarmKey();
  await using a = await Member.create(key, { bulk });
  await using b = await Member.create(key, { bulk });
  await a.meets(b);
  await b.meets(a);
  assertEquals([a.served, b.served], [1, 1]);
});

Deno.test("what is no TLS sees one alert, whatever it says; what says nothing sees nothing", async () => {
  await using member = await Member.create(newSwarmKey(), { handshakeMs: 300 });
  const said = [
    '{"action":"register","address":"10.0.0.1","port":7}\n',
    '{"action":"hello","id":1,"protocol":1,"agent":"x"}\n',
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "{",
    "\n",
  ];
  for (const text of said) assertEquals(await seen(member.address, text), ALERT, text);
  const silent = await seen(member.address);
  assertEquals(silent.length, 0);
  assertEquals(member.served, 0);
});

both("who stops in the middle of a handshake is closed on, and sees nothing", async (bulk) => {
  await using member = await Member.create(newSwarmKey(), { handshakeMs: 300, bulk });
  const half = new Uint8Array([22, 3, 1, 0, 200, 1]);
  const ends = await Promise.all(Array.from({ length: 5 }, () => seen(member.address, half)));
  for (const bytes of ends) assertEquals(bytes.length, 0);
  assertEquals(member.served, 0);
});

both("a caller that knows TLS 1.3 gets that", async (bulk) => {
  const key = newSwarmKey();
  await using member = await Member.create(key, { bulk });
  const name = await makeSwarmName(await deriveSwarmSecrets(key.secret));
  const { stdout } = await openssl(member.address, ["-servername", name]);
  assertMatch(stdout, /TLSv1\.3/);
});

Deno.test("a listener with silent callers serves others meanwhile", async () => {
  const key = newSwarmKey();
  await using member = await Member.create(key);
  await using caller = await Member.create(key);
  const silent = await Promise.all(
    Array.from({ length: 50 }, () => RawEnd.connect(member.address)),
  );
  await caller.meets(member);
  for (const end of silent) end.close();
});

Deno.test("without a gate, silent callers bring it up, and nobody else notices", async () => {
  const key = newSwarmKey();
  await using member = await Member.create(key, { bulk: true, handshakeMs: 300 });
  await using caller = await Member.create(key);
  const before = await caller.greet(member);
  const connect = () => RawEnd.connect(member.address);
  const first = await Promise.all(Array.from({ length: HANDSHAKES_MOST + 1 }, connect));
  // From here on they are closed on.
  await eventually("it listens through the gate", async () => {
    using end = await connect().catch(() => undefined);
    if (!end) return false;
    const over = new AbortController();
    const late = delay(2_000, over.signal).then(() => false, () => true);
    const closed = end.closed().then(() => true, () => false);
    const isClosed = await Promise.race([closed, late]);
    over.abort();
    return isClosed;
  });
  const more = await Promise.all(Array.from({ length: 20 }, connect));
  for (const end of more) await end.closed();
  await caller.meets(member);
  const { reply } = await before.request(
    { action: "hello", protocol: 1, agent: "test" },
    PeerHello,
  );
  assertEquals(reply.peer, PEER);
  before.close();
  for (const end of [...first, ...more]) end.close();
});

Deno.test("a member of another swarm gets nowhere", async () => {
  await using member = await Member.create(newSwarmKey());
  await using other = await Member.create(newSwarmKey());
  await faultOf("network", other.meets(member), "it belongs to another swarm");
  assertEquals(member.served, 0);
});

both("a TLS client that checks no certificate sees one alert, and no certificate", async (bulk) => {
  await using member = await Member.create(newSwarmKey(), { bulk });
  const other = await makeSwarmName(await deriveSwarmSecrets(newSwarmKey().secret));
  const names = [NAME_SUFFIX, other, "localhost", `${"0".repeat(52)}.${NAME_SUFFIX}`];
  for (
    const words of [["-noservername"], ["-tls1_2"], ...names.map((name) => ["-servername", name])]
  ) {
    const { code, stdout, stderr } = await openssl(member.address, words);
    assertNotEquals(code, 0, words.join());
    assertMatch(stdout, /no peer certificate available/);
    assertMatch(stderr, /alert number 0/);
  }
  for (const name of ["127.0.0.1", "localhost", other]) {
    const { code, stdout } = await curl(member.address, name);
    assertEquals([code, stdout], [CURL_NO_TLS, ""], name);
  }
  assertEquals(member.served, 0);
});

both("who says an overheard name sees a certificate, and not a byte more", async (bulk) => {
  const key = newSwarmKey();
  await using member = await Member.create(key, { bulk });
  const name = await makeSwarmName(await deriveSwarmSecrets(key.secret));
  const lines = [
    '{"action":"register","address":"10.0.0.1","port":7}\n',
    '{"action":"hello","id":1,"protocol":1,"agent":"x"}\n',
    `{"action":"join","nonce":"${PEER}","proofs":["${PEER}"]}\n`,
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "\n",
  ];
  for (const version of ["-tls1_2", "-tls1_3"]) {
    for (const line of lines) {
      const words = ["-servername", name, version, "-quiet", "-no_ign_eof"];
      assertEquals((await openssl(member.address, words, line)).stdout, "", line);
    }
  }
  const { stdout } = await openssl(member.address, ["-servername", name, "-showcerts"]);
  const shown = [...stdout.matchAll(/-----BEGIN CERT[^-]+-----[^-]+-----END CERT[^-]+-----/g)];
  // One that says what every listener of every swarm says.
  assertEquals(shown.length, 1);
  const certificate = new X509Certificate(shown[0][0]);
  assertEquals([certificate.issuer, certificate.subject], ["CN=shoal", `CN=${NAME_SUFFIX}`]);
  assertEquals([...certificate.extensions].map(({ type }) => type), ["2.5.29.19", "2.5.29.17"]);
  assertEquals(member.served, 0);
});

// docs/protocol.md has these, computed with Python's hmac.
Deno.test("the name that a caller asks for, to the byte", async () => {
  const secrets = await deriveSwarmSecrets(fromHex("0123456789abcdef".repeat(4)));
  const name = await makeSwarmName(secrets, fromHex("01".repeat(10)));
  assertEquals(name, "01010101010101010101ae46b147ee2b528528d2e1a40d8f43d0.shoal.invalid");
  assertEquals(
    await findNameKey(name, [await deriveSwarmSecrets(newSwarmKey().secret), secrets]),
    secrets,
  );
});

Deno.test("names: none is made twice, and what isn't exactly one is refused", async () => {
  const keys = [await deriveSwarmSecrets(newSwarmKey().secret)];
  const name = await makeSwarmName(keys[0]);
  assertEquals(await findNameKey(name, keys), keys[0]);
  assertNotEquals(await makeSwarmName(keys[0]), name);
  const changed = (at: number) =>
    name.slice(0, at) + (name[at] === "0" ? "1" : "0") + name.slice(at + 1);
  const label = name.slice(0, 52);
  const wrong = [
    ...["", ".", NAME_SUFFIX, `.${NAME_SUFFIX}`, label, `${name}.`, `a.${name}`, `0${name}`],
    ...[0, 19, 20, 51].map(changed),
    ...[label.toUpperCase(), label.slice(1), `${label}00`, label.slice(2), "g".repeat(52)]
      .map((one) => `${one}.${NAME_SUFFIX}`),
    ...[`${label}.shoal.example`, `${label}-${NAME_SUFFIX}`, "x".repeat(100_000)],
  ];
  for (const one of wrong) {
    const { message } = await faultOf("network", findNameKey(one, keys), "no key of this swarm");
    assert(!message.includes(label.slice(0, 8)));
  }
  await faultOf("network", findNameKey(name, []));
});

both("what the runtime remembers of names is bounded, and nobody notices", async (bulk) => {
  const key = newSwarmKey();
  const transport = await PrivateTransport.of(key, { namesMost: 8 });
  const { leafFor, asked } = await countedLeaves(key);
  const listener = new PrivateListener(ANYWHERE, { bulk, leafFor, namesMost: 8 });
  const accepting = (async () => {
    for (;;) {
      const conn = await listener.accept();
      await conn.read(new Uint8Array(1)).catch(() => {});
      conn.close();
    }
  })().catch(() => {});
  const ask = async (hostname: string) => {
    const { host, port } = listener.address;
    // While it listens anew, nobody does for a moment.
    const tcp = await eventually("somebody listens", () => {
      return Deno.connect({ hostname: host, port }).catch(() => undefined);
    });
    const tls = await Deno.startTls(tcp, { hostname });
    await tls.handshake().then(() => assert(false), () => {});
    tls.close();
  };
  for (let n = 0; n < 3; n++) await ask("again.invalid");
  assertEquals(asked(), 1, "a name that was refused is remembered");
  for (let n = 0; n < 7; n++) await ask(`${n}.invalid`);
  await eventually("it is forgotten, and asked about once more", async () => {
    const before = asked();
    await ask("again.invalid");
    return asked() === before + 1;
  });
  for (let n = 0; n < 30; n++) {
    const signal = AbortSignal.timeout(30_000);
    const conn = await eventually("a member is let in", () => {
      return transport.connect(listener.address, signal).catch(() => undefined);
    });
    conn.close();
  }
  await listener.close();
  await accepting;
});

Deno.test("a runtime that chooses no certificate by name is told so, once and clearly", async () => {
  const transport = await PrivateTransport.of(newSwarmKey());
  const runtime = Deno as unknown as { internal: symbol } & Record<symbol, Record<string, unknown>>;
  const internals = runtime[runtime.internal];
  const { resolverSymbol } = internals;
  internals.resolverSymbol = undefined;
  try {
    for (const bulk of [true, false]) {
      await faultOf(
        "usage",
        () => transport.listen(ANYWHERE, { bulk }),
        "choose a certificate by name",
      );
    }
  } finally {
    internals.resolverSymbol = resolverSymbol;
  }
});

Deno.test("every listener has a certificate of its own, and of no swarm that can be told", async () => {
  const { authoritySeed } = await deriveSwarmSecrets(newSwarmKey().secret);
  const [one, again] = await Promise.all([1, 2].map(() => SwarmAuthority.from(authoritySeed)));
  assertEquals(one.certificate, again.certificate);
  const leaves = await Promise.all([one.issueLeaf(), one.issueLeaf()]);
  const [a, b] = leaves.map(({ cert }) => new X509Certificate(cert));
  assertNotEquals(a.publicKey.toString(), b.publicKey.toString());
  assertNotEquals(a.serialNumber, b.serialNumber);
  assert(await a.verify({ publicKey: new X509Certificate(one.certificate).publicKey }));
});

Deno.test("a listener with a certificate of the swarm, but without its key, is refused", async () => {
  const key = newSwarmKey();
  const { authoritySeed } = await deriveSwarmSecrets(key.secret);
  const stolen = await (await SwarmAuthority.from(authoritySeed)).issueLeaf();
  using listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...stolen });
  const address = { host: "127.0.0.1", port: (listener.addr as Deno.NetAddr).port };
  const heard: string[] = [];
  const serving = (async () => {
    const conn = await listener.accept();
    using end = new RawEnd(conn as unknown as Deno.TcpConn);
    heard.push(JSON.stringify(await end.line()));
    await end.send({ action: "member", nonce: PEER, proof: PEER });
    heard.push(JSON.stringify(await end.line().catch(() => null)));
  })();
  await using member = await Member.create(key);
  await faultOf("network", member.meets({ address } as Member), "could not prove");
  await serving;
  // It has heard a proof that is good for nothing else, and nothing after it.
  assertEquals(Object.keys(JSON.parse(heard[0])), ["action", "nonce", "proofs"]);
  assertEquals(heard[1], "null");
});

Deno.test("a certificate that somebody else made is refused", async () => {
  const forged = await (await SwarmAuthority.from(new Uint8Array(32))).issueLeaf();
  using listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...forged });
  const address = { host: "127.0.0.1", port: (listener.addr as Deno.NetAddr).port };
  const handshake = listener.accept().then(async (conn) => {
    await conn.handshake().then(() => conn.read(new Uint8Array(1))).catch(() => {});
    conn.close();
  });
  await using member = await Member.create(newSwarmKey());
  await faultOf("network", member.meets({ address } as Member), "it belongs to another swarm");
  await handshake;
});

// docs/protocol.md has these, computed with Python's hmac.
Deno.test("proofs, to the byte", async () => {
  const { tokenKey } = await deriveSwarmSecrets(fromHex("0123456789abcdef".repeat(4)));
  const [c, s] = ["01".repeat(32), "02".repeat(32)];
  assertEquals(
    await Promise.all([
      prove({ tokenKey }, "join", [c]),
      prove({ tokenKey }, "member", [c, s]),
      prove({ tokenKey }, "joined", [c, s]),
    ]),
    [
      "10aae9496f08384a4b140014e47cdd010f4285a2f40d7a2b34b122732606f911",
      "44894b6b98dde49c5f2f7203fad4da0dcd1a9f85752d81a1706b3d39f4e50e44",
      "fe3d6bea9dd45f6d3daf25e9ba3d86014e37b427249267725de3b4a33fc55b10",
    ],
  );
});

Deno.test("proofs: wrong ones, another connection's, too many, and other words", async () => {
  const token = { tokenKey: new Uint8Array(32).fill(7) };
  const other = { tokenKey: new Uint8Array(32).fill(8) };
  const pair = () => connectionPair();
  {
    using wrong = await pair();
    const admitted = admit(wrong.connection, [token]);
    await wrong.far.send({ action: "join", nonce: PEER, proofs: Array(9).fill(PEER) });
    await faultOf("network", admitted, "could not prove");
    wrong.connection.close();
    assertEquals((await wrong.far.bytes(100)).length, 0);
  }
  // What a member said once, said again by somebody who heard it.
  using heard = await pair();
  const joining = join(heard.connection, [token]).catch(() => {});
  const first = await heard.far.line();
  heard.far.close();
  await joining;
  using replayed = await pair();
  const admitted = admit(replayed.connection, [token]);
  await replayed.far.send(first);
  const { nonce } = await replayed.far.line();
  assertNotEquals(nonce, first.nonce);
  await replayed.far.send({ action: "joined", proof: first.proofs[0] });
  await faultOf("network", admitted, "could not prove");
  const words: (string | object)[] = [
    { action: "join", nonce: PEER, proofs: [] },
    { action: "join", nonce: PEER, proofs: Array(10).fill(PEER) },
    { action: "join", nonce: "x", proofs: [PEER] },
    { action: "hello", id: 1, protocol: 1, agent: "x" },
    "not JSON\n",
    "x".repeat(70_000),
  ];
  for (const word of words) {
    using end = await pair();
    const refused = admit(end.connection, [token, other]);
    await end.far.send(word);
    await faultOf("network", refused);
    end.connection.close();
    // Reset, where it was closed with something unread.
    assertEquals((await end.far.bytes(100).catch(() => [])).length, 0);
  }
});

both("old and new key get along in both directions, until the old one ends", async (bulk) => {
  const old = newSwarmKey();
  let now = NOW;
  const clock = () => now;
  const rotated = rotateSwarmKey(old, { until: NOW + HOUR, now: NOW });
  await using before = await Member.create(old, { now: clock, bulk });
  await using after = await Member.create(rotated, { now: clock, bulk });
  await using other = await Member.create(rotated, { now: clock, bulk });
  await using later = await Member.create({ ...rotated, old: [] }, { now: clock, bulk });
  for (const [a, b] of [[before, after], [after, before], [after, other], [later, later]]) {
    await a.meets(b);
  }
  // Whose clock is ahead, or whose file was cleared of it, has the old key no longer.
  await later.meets(after);
  await after.meets(later);
  now = NOW + HOUR - 1;
  await before.meets(after);
  await after.meets(before);
  now = NOW + HOUR;
  // Who has not heard of the new key is out, on both sides.
  await faultOf("network", after.meets(before), "it belongs to another swarm");
  await faultOf("network", before.meets(after));
});

both(
  "when a key ends while a listener runs, its callers go, and are refused from then on",
  async (bulk) => {
    const old = newSwarmKey();
    const until = Math.ceil(Date.now() / 1000) * 1000 + 2_000;
    const rotated = rotateSwarmKey(old, { until, now: Date.now() });
    await using after = await Member.create(rotated, { now: Date.now, bulk });
    await using late = await Member.create({ ...rotated, old: [] }, { now: Date.now, bulk });
    await using before = await Member.create(old, { now: Date.now, bulk });
    // Each is shown the certificate of the key by which it asks.
    await late.meets(after);
    const caller = await before.greet(after);
    caller.listen(() => {});
    await caller.ended;
    assert(Date.now() >= until);
    await faultOf("network", before.meets(after), "it belongs to another swarm");
    await late.meets(after);
    await after.meets(late);
  },
);

Deno.test("a listener that was closed frees its port", async () => {
  const rotated = rotateSwarmKey(newSwarmKey(), { until: Date.now() + HOUR, now: Date.now() });
  const transport = await PrivateTransport.of(rotated);
  const listener: TransportListener = transport.listen(ANYWHERE);
  const accepting = listener.accept();
  listener.close();
  await accepting.then(() => assert(false), () => {});
  const again = transport.listen(listener.address);
  const taken = () => transport.listen(listener.address);
  await faultOf("network", taken, "the port is in use");
  again.close();
});

Deno.test("a message that stops in its middle is nudged", async () => {
  using pair = await connectionPair();
  const nudged = Promise.withResolvers<void>();
  pair.connection.onPause(nudged.resolve);
  const reading = pair.connection.read();
  await pair.far.send('{"action":"a","payload":2}\n1');
  assertEquals((await reading)?.action, "a");
  const payload = new Uint8Array(2);
  const filling = pair.connection.readPayload(payload);
  await nudged.promise;
  await pair.far.send("2");
  await filling;
  assertEquals(new TextDecoder().decode(payload), "12");
});

Deno.test("seed peers that a private bootstrap lists hear nothing of what is looked for", async () => {
  const transport = await PrivateTransport.of(newSwarmKey());
  const swarm = {
    find: () => Promise.resolve([]),
    listPeers: () => Promise.reject(new Error("nobody is to be asked")),
  };
  const finding = findTarget({ name: "secret plans" }, {
    swarm: swarm as unknown as Swarm,
    digests: undefined as unknown as DigestStore,
    self: { agent: "test", peer: PEER, transport },
    trust: { knowledge: () => ({}) } as unknown as TrustBook,
    local: () => undefined,
  });
  await faultOf("not_found", finding, "nobody in the swarm has it");
});

Deno.test("a caller that has a key says so of a callee that is open, closes or is silent", async () => {
  await using member = await Member.create(newSwarmKey());
  const open = new Listener(
    ANYWHERE,
    (connection) =>
      answer<PeerRequest>(connection, {
        requests: PeerRequest,
        seed: () => Promise.resolve(),
        answer: () => Promise.reject(new Error("nothing can be asked")),
      }),
  );
  await faultOf("network", member.meets({ address: open.address } as Member), "it is open");
  await open.stop();
  await using closes = new Scripted((end) => end.bytes(1));
  await faultOf("network", member.meets(closes as unknown as Member), "it may be open");
  await using silent = new Scripted((end) => end.closed());
  const { transport } = member;
  const opening = Connection.open(silent.address, { transport, ms: 100 });
  await faultOf("network", opening, "no answer within 0.1 s");
  const abort = new AbortController();
  const aborted = Connection.open(silent.address, { transport, signal: abort.signal });
  abort.abort();
  const error = await aborted.catch((error) => error);
  assertEquals(error.name, "AbortError");
});

/** The certificates of a key, and how often one was asked for. */
async function countedLeaves(key: SwarmKey) {
  const secrets = await deriveSwarmSecrets(key.secret);
  const leaf = await (await SwarmAuthority.from(secrets.authoritySeed)).issueLeaf();
  let count = 0;
  const leafFor = async (name: string) => {
    count++;
    await findNameKey(name, [secrets]);
    return leaf;
  };
  return { leafFor, asked: () => count };
}
