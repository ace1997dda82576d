/**
 * The certificate authority of a private swarm. Whoever has the swarm key is it: its key pair is
 * derived, and its certificate is made anew wherever it is needed. Leaf certificates have a key of
 * their own and nothing that is the same for two listeners of a swarm but not for those of others: who
 * gets to see one can't tell which swarm it is of.
 */
// The X.509 library's dependencies look for this when they are loaded.
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

type Bytes = Uint8Array<ArrayBuffer>;

/** What all names end with that callers ask for. No public authority may certify one under `.invalid`. */
export const NAME_SUFFIX = "shoal.invalid";

/** What a listener presents, both in PEM. */
export interface Leaf {
  cert: string;
  key: string;
}

const AUTHORITY = "CN=shoal";
const ALGORITHM = { name: "Ed25519" };
/**
 * The key and nothing else decides how long a member is one: no clock need be right for this. One that
 * nobody has set yet begins at 1970.
 */
const ALWAYS = {
  notBefore: new Date(0),
  notAfter: new Date("9999-12-31T23:59:59Z"),
};
/** What stands before the 32 bytes of an Ed25519 private key in PKCS #8 (RFC 8410). */
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
    const { kty, crv, x } = await crypto.subtle.exportKey("jwk", privateKey);
    const publicKey = await crypto.subtle.importKey("jwk", { kty, crv, x }, ALGORITHM, true, [
      "verify",
    ]);
    const certificate = await X509CertificateGenerator.createSelfSigned({
      serialNumber: "01",
      name: AUTHORITY,
      keys: { privateKey, publicKey },
      signingAlgorithm: ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
      ],
      ...ALWAYS,
    });
    return new SwarmAuthority(privateKey, certificate.toString("pem"));
  }

  /** A certificate for a listener, by whatever name it is asked for, with a new key. */
  async issueLeaf(): Promise<Leaf> {
    const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
    const { privateKey, publicKey } = pair as CryptoKeyPair;
    const certificate = await X509CertificateGenerator.create({
      subject: `CN=${NAME_SUFFIX}`,
      issuer: AUTHORITY,
      publicKey,
      signingKey: this.#key,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new SubjectAlternativeNameExtension([{ type: "dns", value: `*.${NAME_SUFFIX}` }]),
      ],
      ...ALWAYS,
    });
    const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey));
    const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8.toBase64()}\n-----END PRIVATE KEY-----\n`;
    return { cert: certificate.toString("pem"), key };
  }
}
