import "reflect-metadata";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { X509Certificate } from "@peculiar/x509";
import { findTarget } from "../../../src/peer/target/find_target.ts";
import { Listener } from "../../../src/peer/serve/listener.ts";
import { delay } from "../../../src/async/retry.ts";
import type { Swarm } from "../../../src/peer/discovery/swarm.ts";
import type { TrustBook } from "../../../src/peer/target/trust_book.ts";
import type { DigestStore } from "../../../src/store/hash/digest_store.ts";
import { HANDSHAKES_MOST } from "../../../src/trust/tls/private_listener.ts";
import { PrivateTransport } from "../../../src/trust/tls/private_transport.ts";
import { newSwarmKey, rotateSwarmKey } from "../../../src/trust/swarm_key.ts";
import { answer } from "../../../src/wire/answerer.ts";
import { type Address, Connection } from "../../../src/wire/connection.ts";
import { PeerHello, PeerRequest } from "../../../src/wire/protocol.ts";
import type { TransportListener } from "../../../src/wire/transport.ts";
import { eventually } from "../../e2e/checks.ts";
import { faultOf } from "../../support/faults.ts";
import { curl, CURL_EMPTY, openssl } from "../../support/outsider.ts";
import { connectionPair, RawEnd, Scripted } from "../../support/sockets.ts";
import { ANYWHERE, Member, NOW, PEER } from "../../support/member.ts";
import { lacking, testUnless } from "../../support/tools.ts";

const HOUR = 3_600_000;

/** The bytes that a raw connection gets to see, to the end. */
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

Deno.test("a caller that stops in the middle of a handshake is closed on, and sees nothing", async () => {
  await using member = await Member.create(newSwarmKey(), { handshakeMs: 300 });
  const half = new Uint8Array([22, 3, 1, 0, 200, 1]);
  const ends = await Promise.all(Array.from({ length: 5 }, () => seen(member.address, half)));
  for (const bytes of ends) assertEquals(bytes.length, 0);
  assertEquals(member.served, 0);
});

both("a caller that knows TLS 1.3 gets that", async (bulk) => {
  await using member = await Member.create(newSwarmKey(), { bulk });
  assertMatch((await openssl(member.address, [])).stdout, /TLSv1\.3/);
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

both(
  "a TLS client that checks no certificate sees one that tells nothing, and not a byte",
  async (bulk) => {
    await using member = await Member.create(newSwarmKey(), { bulk });
    const lines = [
      '{"action":"register","address":"10.0.0.1","port":7}\n',
      '{"action":"hello","id":1,"protocol":1,"agent":"x"}\n',
      `{"action":"join","nonce":"${PEER}","proofs":["${PEER}"]}\n`,
      "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
      "\n",
    ];
    for (const version of ["-tls1_2", "-tls1_3"]) {
      for (const line of lines) {
        const words = [version, "-quiet", "-no_ign_eof"];
        assertEquals((await openssl(member.address, words, line)).stdout, "", line);
      }
    }
    const { code, stdout: body } = await curl(member.address, "localhost");
    assertEquals([code, body], [CURL_EMPTY, ""]);
    const { stdout } = await openssl(member.address, ["-showcerts"]);
    const shown = stdout.match(/-----BEGIN CERT[^-]+-----[^-]+-----END CERT[^-]+-----/g) ?? [];
    // What every listener of every swarm shows, but for keys and what follows from them.
    assertEquals(
      shown.map((pem) => new X509Certificate(pem)).map(({ subject, issuer, extensions }) => [
        subject,
        issuer,
        [...extensions].map(({ type }) => type),
      ]),
      [
        ["CN=listener", "CN=intermediate", ["2.5.29.19", "2.5.29.17"]],
        ["CN=intermediate", "CN=authority", ["2.5.29.19", "2.5.29.15"]],
      ],
    );
    assertEquals(member.served, 0);
  },
  lacking("openssl", "curl"),
);

Deno.test("a caller says no name, and its first message is of nothing but TLS", async () => {
  const transport = await PrivateTransport.of(newSwarmKey());
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = { host: "127.0.0.1", port: listener.addr.port };
  const connecting = transport.connect(address, AbortSignal.timeout(30_000)).catch(() => {});
  const conn = await listener.accept();
  const hello = new Uint8Array(4_096);
  const n = await conn.read(hello) ?? 0;
  conn.close();
  await connecting;
  assertEquals([hello[0], extensionsOf(hello.subarray(0, n)).includes(0)], [22, false]);
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
  // A member that has not heard of the new key is out, on both sides.
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
    await late.meets(after);
    const caller = await before.greet(after);
    caller.listen(() => {});
    await caller.ended;
    assert(Date.now() >= until);
    await faultOf("network", before.meets(after));
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
    legacyPeers: () => Promise.reject(new Error("nobody is to be asked")),
  };
  const finding = findTarget({ name: "secret plans" }, {
    swarm: swarm as unknown as Swarm,
    digests: undefined as unknown as DigestStore,
    self: { agent: "test", peer: PEER, transport },
    trust: { knowledge: () => ({}) } as unknown as TrustBook,
    unsigned: () => true,
    local: () => undefined,
  });
  await faultOf("not_found", finding, "no peer in the swarm has it");
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

/** The numbers of the extensions in a ClientHello (RFC 8446, 4.1.2); 0 is `server_name`. */
function extensionsOf(record: Uint8Array): number[] {
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  let at = 5 + 4 + 2 + 32; // two headers, the version, the random bytes
  at += 1 + view.getUint8(at); // the session id
  at += 2 + view.getUint16(at); // the cipher suites
  at += 1 + view.getUint8(at); // the compressions
  const end = at + 2 + view.getUint16(at);
  const types: number[] = [];
  for (at += 2; at < end; at += 4 + view.getUint16(at + 2)) types.push(view.getUint16(at));
  return types;
}
