import { assertEquals, assertNotEquals } from "@std/assert";
import { fromHex } from "../../src/content/hex.ts";
import { admit, join, prove } from "../../src/trust/membership.ts";
import { deriveSwarmSecrets } from "../../src/trust/swarm_secrets.ts";
import { faultOf } from "../support/faults.ts";
import { connectionPair } from "../support/sockets.ts";
import { PEER } from "../support/member.ts";

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
  // A member's proof, repeated by an eavesdropper.
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
