/**
 * The certificate authority of a private swarm. Every owner of the swarm key is it: its key pair is
 * derived, and its certificate is made anew wherever it is needed.
 */
import {
  ALGORITHM,
  authorityOver,
  certify,
  newKeyPair,
  type Presented,
  presentListener,
} from "./certificates.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const AUTHORITY = "CN=authority";
const INTERMEDIATE = "CN=intermediate";
/** The bytes before the 32 of an Ed25519 private key in PKCS #8 (RFC 8410). */
const PKCS8_PREFIX = [0x30, 46, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 34, 4, 32];

export class SwarmAuthority {
  /** Its own certificate, in PEM: what callers trust. */
  readonly certificate: string;
  readonly #key: CryptoKey;

  private constructor(key: CryptoKey, certificate: string) {
    this.#key = key;
    this.certificate = certificate;
  }

  /** The authority with that private key of 32 bytes. */
  static async from(secret: Bytes): Promise<SwarmAuthority> {
    const pkcs8 = new Uint8Array([...PKCS8_PREFIX, ...secret]);
    const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, ALGORITHM, true, ["sign"]);
    // WebCrypto gives a private key's public half away only in this format.
    const { kty, crv, x } = await crypto.subtle.exportKey("jwk", privateKey) as JsonWebKey;
    const jwk = { kty, crv, x } as JsonWebKey;
    const publicKey = await crypto.subtle.importKey("jwk", jwk, ALGORITHM, true, ["verify"]);
    const certificate = await certify({
      serialNumber: "01",
      subject: AUTHORITY,
      issuer: AUTHORITY,
      publicKey,
      signingKey: privateKey,
      extensions: authorityOver(1),
    });
    return new SwarmAuthority(privateKey, certificate);
  }

  /** Certifies another key as an authority over listeners. Returns PEM. */
  async certify(publicKey: CryptoKey): Promise<string> {
    return await certify({
      subject: INTERMEDIATE,
      issuer: AUTHORITY,
      publicKey,
      signingKey: this.#key,
      extensions: authorityOver(0),
    });
  }
}

/**
 * Makes what a listener presents: a certificate for a new key, signed by another new key that each of
 * the authorities has certified. So a caller that trusts any of them accepts it, and nothing in it is
 * the same for two listeners of a swarm but not for those of others: it doesn't tell which swarm it is
 * of.
 */
export async function present(authorities: SwarmAuthority[]): Promise<Presented> {
  const { privateKey, publicKey } = await newKeyPair();
  const intermediates = await Promise.all(authorities.map((one) => one.certify(publicKey)));
  return await presentListener(INTERMEDIATE, privateKey, intermediates);
}
