/**
 * Signed registrations: a peer proves to a bootstrap that it owns its id. What is signed is, without
 * separators:
 *
 *     "shoal/1 register" and a zero byte
 *     nonce      32 bytes, from the bootstrap's `hello` on this connection
 *     peer id    32 bytes
 *     port       u16, big-endian
 *     advertise  `host:port` in UTF-8, to the end; nothing when no address is advertised
 *
 * The nonce is fresh for each connection, so a registration can't be replayed.
 */
import { fromHex, toHex } from "../content/hex.ts";
import { type Address, formatAddress } from "../wire/connection.ts";
import { type Identity, verify } from "./identity.ts";

/** Where a peer says it listens. */
interface Listening {
  port: number;
  advertise?: Address;
}

const encoder = new TextEncoder();
const CONTEXT = encoder.encode("shoal/1 register\0");

/** The signature, in hex, with which `identity` registers after a `hello` with that nonce. */
export async function signRegistration(
  identity: Identity,
  nonce: string,
  listening: Listening,
): Promise<string> {
  return toHex(await identity.sign(signedBytes(identity.id, nonce, listening)));
}

/** True when `signature` is the peer's over that nonce and those addresses. */
export async function verifyRegistration(
  nonce: string,
  { peer, signature, ...listening }: Listening & { peer: string; signature: string },
): Promise<boolean> {
  return await verify(peer, fromHex(signature), signedBytes(peer, nonce, listening));
}

function signedBytes(peer: string, nonce: string, { port, advertise }: Listening) {
  const told = encoder.encode(advertise ? formatAddress(advertise) : "");
  return new Uint8Array([
    ...CONTEXT,
    ...fromHex(nonce),
    ...fromHex(peer),
    port >> 8,
    port & 0xff,
    ...told,
  ]);
}
