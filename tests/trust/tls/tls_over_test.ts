import { assert, assertEquals, assertRejects } from "@std/assert";
import { Identity } from "../../../src/trust/identity.ts";
import { PinnedTls } from "../../../src/trust/tls/pinned_tls.ts";
import { answerTlsOver } from "../../../src/trust/tls/tls_over.ts";
import type { Socket } from "../../../src/wire/transport.ts";
import { patterned } from "../../support/bytes.ts";
import { socketPair } from "../../support/sockets.ts";

const NEVER = new AbortController().signal;

/** Two sockets with something between them that may alter what goes by. */
async function relayed(alter: (bytes: Uint8Array) => void = () => {}) {
  const [one, oneFar] = await socketPair();
  const [other, otherFar] = await socketPair();
  const pass = async (from: Deno.TcpConn, to: Deno.TcpConn) => {
    const buffer = new Uint8Array(65_536);
    try {
      for (let n; (n = await from.read(buffer)) !== null;) {
        const part = buffer.subarray(0, n);
        alter(part);
        for (let at = 0; at < n;) at += await to.write(part.subarray(at));
      }
    } catch {
      // Either end has left.
    }
    for (const conn of [from, to]) {
      try {
        conn.close();
      } catch {
        // Closed already.
      }
    }
  };
  const passing = Promise.all([pass(oneFar, otherFar), pass(otherFar, oneFar)]);
  return { one, other, passing };
}

async function readAll(from: Socket, bytes: number): Promise<Uint8Array> {
  const into = new Uint8Array(bytes);
  let filled = 0;
  for (let n; filled < bytes && (n = await from.read(into.subarray(filled))) !== null;) filled += n;
  return into.subarray(0, filled);
}

for (const isTcp of [true, false]) {
  const over = isTcp ? "a TCP connection" : "any other socket";
  Deno.test(`tls over ${over}: both ends hear each other, whichever connected`, async () => {
    const identity = await Identity.generate();
    const pinned = new PinnedTls(identity);
    const { one, other, passing } = await relayed();
    const gate = answerTlsOver(other, () => pinned.presented());
    const socket: Socket = isTcp ? Object.assign(one, { tcp: one }) : one;
    const tls = await pinned.call(() => Promise.resolve(socket), [identity.id], NEVER);
    const sent = patterned(300_000);
    const heard = readAll(gate, sent.length);
    for (let at = 0; at < sent.length;) at += await tls.write(sent.subarray(at));
    assertEquals(await heard, sent);
    tls.close();
    assertEquals(await gate.read(new Uint8Array(1)).catch(() => null), null);
    gate.close();
    await Promise.all([passing, gate.ended]);
  });
}

Deno.test("tls over a relay: another peer than the wanted one is noticed", async () => {
  const [identity, wanted] = [await Identity.generate(), await Identity.generate()];
  const pinned = new PinnedTls(identity);
  const { one, other, passing } = await relayed();
  const gate = answerTlsOver(other, () => pinned.presented());
  const called = pinned.call(() => Promise.resolve(one), [wanted.id], NEVER);
  const error = await assertRejects(() => called, Error);
  assert(error.message.includes("it is another peer"), error.message);
  gate.abort();
  await Promise.all([passing, gate.ended]);
});

Deno.test("tls over a relay: a byte that was altered is noticed, and nothing after it is heard", async () => {
  const identity = await Identity.generate();
  const pinned = new PinnedTls(identity);
  let altering = false;
  const { one, other, passing } = await relayed((bytes) => {
    if (altering) bytes[bytes.length - 1]! ^= 1;
  });
  const gate = answerTlsOver(other, () => pinned.presented());
  const tls = await pinned.call(() => Promise.resolve(one), [identity.id], NEVER);
  await tls.write(new Uint8Array([1]));
  assertEquals(await readAll(gate, 1), new Uint8Array([1]));
  altering = true;
  await tls.write(new Uint8Array(1_000));
  await assertRejects(() => gate.read(new Uint8Array(1_000)));
  tls.close();
  gate.abort();
  await Promise.all([passing, gate.ended]);
});
