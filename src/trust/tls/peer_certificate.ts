/** Certificates by which a peer shows in TLS that it has the key that is its id. */
import { fromHex } from "../../content/hex.ts";
import {
  ALGORITHM,
  authorityOver,
  certify,
  newKeyPair,
  type Presented,
  presentListener,
} from "./certificates.ts";
import type { Identity } from "../identity.ts";
import { isStrongKey } from "../is_strong_key.ts";

/** The same for all peers: which one it is, the key says. */
const PEER = "CN=peer";

/** Makes the certificate that a peer presents: for a new key, signed by its identity. */
export async function presentPeer(identity: Identity): Promise<Presented> {
  return await identity.withKey((key) => presentListener(PEER, key));
}

/**
 * Makes the certificates, in PEM, that a caller of any of these peers trusts. Of an authority only the
 * name and the public key count, so anybody can make one for another's key. Ids that are no keys, or
 * that everybody has the key of, have none.
 */
export async function authoritiesOf(peers: Iterable<string>): Promise<string[]> {
  const { privateKey: signingKey } = await newKeyPair();
  const keys = [...peers].filter(isStrongKey).map(async (id) => {
    const publicKey = await crypto.subtle.importKey("raw", fromHex(id), ALGORITHM, true, [
      "verify",
    ]);
    const extensions = authorityOver(0);
    return await certify({ subject: PEER, issuer: PEER, publicKey, signingKey, extensions });
  });
  return await Promise.all(keys);
}
