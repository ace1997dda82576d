/**
 * Proof of identity: a peer that is called shows that it is the peer with its id. The caller sends a
 * nonce in its `hello`; what the callee signs is, without separators:
 *
 *     "shoal/1 proof" and a zero byte
 *     nonce      32 bytes, chosen by the caller
 *     peer id    32 bytes, the callee's
 *
 * The text before the nonce keeps a proof from being taken for anything else that a peer signs.
 */
import { fromHex, toHex } from "../content/hex.ts";
import { type Identity, verify } from "./identity.ts";

const CONTEXT = new TextEncoder().encode("shoal/1 proof\0");

/** A proof, in hex, for a caller that said that nonce. */
export async function signProof(identity: Identity, nonce: string): Promise<string> {
  return toHex(await identity.sign(signedBytes(identity.id, nonce)));
}

/** True when `signature` is that peer's over that nonce. */
export async function verifyProof(
  peer: string,
  nonce: string,
  signature: string,
): Promise<boolean> {
  return await verify(peer, fromHex(signature), signedBytes(peer, nonce));
}

function signedBytes(peer: string, nonce: string) {
  return new Uint8Array([...CONTEXT, ...fromHex(nonce), ...fromHex(peer)]);
}
