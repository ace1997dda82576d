/**
 * The certificate authority of a private swarm. Every owner of the swarm key is it: its key pair is
 * derived, and its certificate is made anew wherever it is needed.
 */
// The X.509 library's dependencies look for this when they are loaded.
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * The name that every listener's certificate is for: an address of RFC 5737, which is in no use and
 * which no public authority certifies. Callers don't send it, since TLS sends no addresses.
 */
export const LISTENER_NAME = "192.0.2.1";

/** The certificate of a listener and its key, both in PEM. */
export interface Presented {
  /** Its own certificate, then the intermediate ones. */
  cert: string;
  key: string;
}

const AUTHORITY = "CN=authority";
const INTERMEDIATE = "CN=intermediate";
const LISTENER = "CN=listener";
const ALGORITHM = { name: "Ed25519" };
/**
 * The validity of a certificate: for ever, since the key alone decides how long a member is one,
 * and no clock need be right for this. One that was never set begins at 1970.
 */
const ALWAYS = {
  notBefore: new Date(0),
  notAfter: new Date("9999-12-31T23:59:59Z"),
};
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
  const [intermediate, listener] = await Promise.all([newKeyPair(), newKeyPair()]);
  const certificate = await certify({
    subject: LISTENER,
    issuer: INTERMEDIATE,
    publicKey: listener.publicKey,
    signingKey: intermediate.privateKey,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new SubjectAlternativeNameExtension([{ type: "ip", value: LISTENER_NAME }]),
    ],
  });
  const intermediates = authorities.map((one) => one.certify(intermediate.publicKey));
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", listener.privateKey));
  return {
    cert: [certificate, ...await Promise.all(intermediates)].join("\n"),
    key: `-----BEGIN PRIVATE KEY-----\n${pkcs8.toBase64()}\n-----END PRIVATE KEY-----\n`,
  };
}

async function newKeyPair(): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]) as CryptoKeyPair;
}

/** The extensions of an authority that has at most `depth` others below it. */
function authorityOver(depth: number): Extension[] {
  return [
    new BasicConstraintsExtension(true, depth, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
  ];
}

/** Makes a certificate, which no clock ends, in PEM. */
async function certify(
  fields: {
    serialNumber?: string;
    subject: string;
    issuer: string;
    publicKey: CryptoKey;
    signingKey: CryptoKey;
    extensions: Extension[];
  },
): Promise<string> {
  const certificate = await X509CertificateGenerator.create({
    signingAlgorithm: ALGORITHM,
    ...ALWAYS,
    ...fields,
  });
  return certificate.toString("pem");
}
