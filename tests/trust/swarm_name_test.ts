import "reflect-metadata";
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { X509Certificate } from "@peculiar/x509";
import { fromHex } from "../../src/content/hex.ts";
import { PrivateTransport } from "../../src/trust/private_transport.ts";
import { NAME_SUFFIX, SwarmAuthority } from "../../src/trust/swarm_authority.ts";
import { newSwarmKey } from "../../src/trust/swarm_key.ts";
import { findNameKey, makeSwarmName } from "../../src/trust/swarm_name.ts";
import { deriveSwarmSecrets } from "../../src/trust/swarm_secrets.ts";
import { faultOf } from "../support/faults.ts";
import { RawEnd } from "../support/sockets.ts";
import { ANYWHERE, Member, PEER } from "../support/member.ts";

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
