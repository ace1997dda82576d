import "reflect-metadata";
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { X509Certificate } from "@peculiar/x509";
import { findTarget } from "../../src/peer/target/find_target.ts";
import { Listener } from "../../src/peer/serve/listener.ts";
import { delay } from "../../src/async/retry.ts";
import type { Swarm } from "../../src/peer/discovery/swarm.ts";
import type { TrustBook } from "../../src/peer/target/trust_book.ts";
import type { DigestStore } from "../../src/store/hash/digest_store.ts";
import { HANDSHAKES_MOST, PrivateListener } from "../../src/trust/private_listener.ts";
import { PrivateTransport } from "../../src/trust/private_transport.ts";
import { NAME_SUFFIX, SwarmAuthority } from "../../src/trust/swarm_authority.ts";
import { newSwarmKey, rotateSwarmKey, type SwarmKey } from "../../src/trust/swarm_key.ts";
import { findNameKey, makeSwarmName } from "../../src/trust/swarm_name.ts";
import { deriveSwarmSecrets } from "../../src/trust/swarm_secrets.ts";
import { answer } from "../../src/wire/answerer.ts";
import { type Address, Connection } from "../../src/wire/connection.ts";
import { PeerHello, PeerRequest } from "../../src/wire/protocol.ts";
import type { TransportListener } from "../../src/wire/transport.ts";
import { eventually } from "../e2e/checks.ts";
import { faultOf } from "../support/faults.ts";
import { curl, CURL_NO_TLS, openssl } from "../support/outsider.ts";
import { connectionPair, RawEnd, Scripted } from "../support/sockets.ts";
import { ANYWHERE, Member, NOW, PEER } from "../support/member.ts";
import { lacking, testUnless } from "../support/tools.ts";

const HOUR = 3_600_000;

/** What a raw connection gets to see, to the end. */
async function seen(address: Address, ...parts: (string | Uint8Array)[]): Promise<Uint8Array> {
  using end = await RawEnd.connect(address);
  await end.send(...parts);
  return await end.bytes(1_000);
}

const ALERT = new Uint8Array([21, 3, 3, 0, 2, 2, 50]);

/** With a gate, and without. */
function both(name: string, test: (bulk: boolean) => Promise<void>, reason?: string): void {
  for (const bulk of [false, true]) {
    testUnless(reason, `${name} (${bulk ? "without" : "with"} a gate)`, () => test(bulk));
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
}, lacking("openssl"));

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
}, lacking("openssl", "curl"));

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
}, lacking("openssl"));

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

Deno.test("legacy peers that a private bootstrap lists hear nothing of what is looked for", async () => {
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
        legacy: () => Promise.resolve(),
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
