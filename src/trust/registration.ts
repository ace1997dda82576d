/**
 * Signed registrations: a peer proves to a bootstrap that it owns its id. What is signed is, without
 * separators:
 *
 *     "shoal/1 register" and a zero byte
 *     nonce      32 bytes, from the bootstrap's `hello` on this connection
 *     nonce      32 bytes, of the peer's own
 *     peer id    32 bytes
 *     port       u16, big-endian
 *     dialled    `host:port` in UTF-8, and a zero byte
 *     advertise  `host:port` in UTF-8, to the end; nothing when no address is advertised
 *
 * The nonces are fresh for each connection, so a registration can't be replayed. `dialled` is where the
 * peer's connection leads, as an IP address: a bootstrap that hands it on to another can't pass for
 * that one, since the other looks whether the address is its own (bootstrap/own_addresses.ts).
 */
import { fromHex, toHex } from "../content/hex.ts";
import { type Address, formatAddress } from "../wire/connection.ts";
import { type Identity, verify } from "./identity.ts";
import { newNonce } from "./nonce.ts";

/** A peer's claim about itself and the connection that it registers over. */
export interface Claim {
  /** The port that it listens on. */
  port: number;
  /** The bootstrap's address, as the peer's connection has it. */
  dialled: Address;
  advertise?: Address;
}

/** A claim that is signed. */
export interface SignedClaim extends Claim {
  peer: string;
  /** The peer's own nonce: 64 hex digits. */
  nonce: string;
  signature: string;
}

const encoder = new TextEncoder();
const CONTEXT = encoder.encode("shoal/1 register\0");

/** Signs a claim, after a `hello` with the nonce `theirs`. */
export async function signRegistration(
  identity: Identity,
  theirs: string,
  { port, dialled, advertise }: Claim,
  nonce = newNonce(),
): Promise<SignedClaim> {
  const claim = { peer: identity.id, port, nonce, dialled, advertise };
  return { ...claim, signature: toHex(await identity.sign(signedBytes(theirs, claim))) };
}

/** True when the signature is the peer's over the nonce `theirs` and all of the claim. */
export async function verifyRegistration(theirs: string, claim: SignedClaim): Promise<boolean> {
  return await verify(claim.peer, fromHex(claim.signature), signedBytes(theirs, claim));
}

function signedBytes(
  theirs: string,
  { peer, port, nonce, dialled, advertise }: Omit<SignedClaim, "signature">,
) {
  return new Uint8Array([
    ...CONTEXT,
    ...fromHex(theirs),
    ...fromHex(nonce),
    ...fromHex(peer),
    port >> 8,
    port & 0xff,
    ...encoder.encode(`${formatAddress(dialled)}\0`),
    ...encoder.encode(advertise ? formatAddress(advertise) : ""),
  ]);
}
