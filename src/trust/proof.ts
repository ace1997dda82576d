/**
 * Proof of identity: a called peer shows that it is the peer with its id. The caller sends a nonce
 * in its `hello`, and its own id; the callee signs, without separators:
 *
 *     "shoal/1 proof" and a zero byte
 *     nonce      32 bytes, chosen by the caller
 *     nonce      32 bytes, chosen by the callee
 *     peer id    32 bytes, the callee's
 *     verifier   in UTF-8, to the end: `bootstrap ` and the address at which the callee dialled that
 *                bootstrap; or `peer ` and the caller's id; or nothing
 *
 * The text before the nonces keeps a proof from being taken for anything else that a peer signs.
 * The verifier in it keeps a bootstrap from using it at another.
 */
import { fromHex, toHex } from "../content/hex.ts";
import { type Address, formatAddress } from "../wire/address.ts";
import { type Identity, verify } from "./identity.ts";
import { newNonce } from "./nonce.ts";

/** A request to prove an identity. */
export interface Challenge {
  /** The caller's nonce: 64 hex digits. */
  nonce: string;
  /** A bootstrap that calls back: its address, as the callee dialled it. */
  bootstrap?: Address;
  /** A peer that calls: its id. */
  peer?: string;
}

const encoder = new TextEncoder();
const CONTEXT = encoder.encode("shoal/1 proof\0");

/** The answer to a challenge, in hex. */
export interface Proof {
  /** The callee's own nonce. */
  nonce: string;
  proof: string;
}

/** Makes the proof that meets a challenge. */
export async function signProof(
  identity: Identity,
  challenge: Challenge,
  nonce = newNonce(),
): Promise<Proof> {
  const bytes = signedBytes(identity.id, challenge, nonce);
  return { nonce, proof: toHex(await identity.sign(bytes)) };
}

/** True when the proof is that peer's, and meets the challenge. */
export async function verifyProof(
  peer: string,
  challenge: Challenge,
  { nonce, proof }: Partial<Proof>,
): Promise<boolean> {
  if (nonce === undefined || proof === undefined) return false;
  return await verify(peer, fromHex(proof), signedBytes(peer, challenge, nonce));
}

function signedBytes(id: string, { nonce, bootstrap, peer }: Challenge, own: string) {
  const verifier = bootstrap
    ? `bootstrap ${formatAddress(bootstrap)}`
    : peer === undefined
    ? ""
    : `peer ${peer}`;
  return new Uint8Array([
    ...CONTEXT,
    ...fromHex(nonce),
    ...fromHex(own),
    ...fromHex(id),
    ...encoder.encode(verifier),
  ]);
}
