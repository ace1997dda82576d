import "reflect-metadata";
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { X509Certificate } from "@peculiar/x509";
import { present, SwarmAuthority } from "../../../src/trust/tls/swarm_authority.ts";
import { newSwarmKey } from "../../../src/trust/swarm_key.ts";
import { deriveSwarmSecrets } from "../../../src/trust/swarm_secrets.ts";
import { faultOf } from "../../support/faults.ts";
import { Member, PEER } from "../../support/member.ts";
import { RawEnd } from "../../support/sockets.ts";

async function newAuthority(): Promise<SwarmAuthority> {
  const { authoritySecret } = await deriveSwarmSecrets(newSwarmKey().secret);
  return await SwarmAuthority.from(authoritySecret);
}

/** The certificates in a text of PEM. */
function certificatesIn(pem: string): X509Certificate[] {
  return pem.split(/(?=-----BEGIN)/).map((one) => new X509Certificate(one));
}

/** The content of a certificate, without keys, serial number and signature. */
function sayingOf({ subject, issuer, notBefore, notAfter, extensions }: X509Certificate) {
  const shown = extensions.map(({ type, critical, value }) => [type, critical, [
    ...new Uint8Array(value),
  ]]);
  return { subject, issuer, notBefore, notAfter, shown };
}

Deno.test("every listener has certificates of its own, and of no swarm that can be told", async () => {
  const { authoritySecret } = await deriveSwarmSecrets(newSwarmKey().secret);
  const [one, again] = [await SwarmAuthority.from(authoritySecret), await newAuthority()];
  assertEquals(one.certificate, (await SwarmAuthority.from(authoritySecret)).certificate);
  const chains = await Promise.all([present([one]), present([one]), present([again])]);
  const [first, second, foreign] = chains.map(({ cert }) => certificatesIn(cert));
  assertEquals([first, second, foreign].map((chain) => chain?.length), [2, 2, 2]);
  for (const at of [0, 1]) {
    const [a, b, c] = [first?.[at], second?.[at], foreign?.[at]];
    assert(a && b && c);
    // Of one swarm or of two, they differ in the same fields.
    assertEquals(sayingOf(a), sayingOf(b));
    assertEquals(sayingOf(a), sayingOf(c));
    for (const other of [b, c]) {
      assertNotEquals(a.publicKey.toString(), other.publicKey.toString());
      assertNotEquals(a.serialNumber, other.serialNumber);
    }
  }
  const { publicKey } = new X509Certificate(one.certificate);
  assert(await first?.[1]?.verify({ publicKey }));
  assertEquals(await foreign?.[1]?.verify({ publicKey }), false);
});

Deno.test("each authority that certified a listener will do", async () => {
  const authorities = await Promise.all([newAuthority(), newAuthority(), newAuthority()]);
  const other = await newAuthority();
  const chain = certificatesIn((await present(authorities)).cert);
  assertEquals(chain.length, 4);
  const [listener, ...intermediates] = chain;
  for (const [index, intermediate] of intermediates.entries()) {
    assert(await listener?.verify({ publicKey: intermediate.publicKey }));
    const { publicKey } = new X509Certificate(authorities[index]?.certificate ?? "");
    assert(await intermediate.verify({ publicKey }));
    const foreign = new X509Certificate(other.certificate).publicKey;
    assertEquals(await intermediate.verify({ publicKey: foreign }), false);
  }
});

Deno.test("a listener with a certificate of the swarm, but without its key, is refused", async () => {
  const key = newSwarmKey();
  const { authoritySecret } = await deriveSwarmSecrets(key.secret);
  const stolen = await present([await SwarmAuthority.from(authoritySecret)]);
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
  const [join = "", after] = heard;
  assertEquals(Object.keys(JSON.parse(join)), ["action", "nonce", "proofs"]);
  assertEquals(after, "null");
});

Deno.test("a certificate that somebody else made is refused", async () => {
  const forged = await present([await SwarmAuthority.from(new Uint8Array(32))]);
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
