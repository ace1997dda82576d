/** Certificates as listeners present them and callers trust them. */
// The X.509 library's dependencies look for this when they are loaded.
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

/**
 * The name that every listener's certificate is for: an address of RFC 5737, which is in no use and
 * which no public authority certifies. Callers don't send it, since TLS sends no addresses.
 */
export const LISTENER_NAME = "192.0.2.1";

/** The certificates and the key that a listener presents, in PEM. */
export interface Presented {
  /** Its own certificate, then the intermediate ones. */
  cert: string;
  key: string;
}

export const ALGORITHM = { name: "Ed25519" };
const LISTENER = "CN=listener";
/**
 * The validity of a certificate: for ever, since the key alone decides what is trusted, and no clock
 * need be right for this. One that was never set begins at 1970.
 */
const ALWAYS = {
  notBefore: new Date(0),
  notAfter: new Date("9999-12-31T23:59:59Z"),
};

/** Makes a listener's certificate, for a new key, and adds the `intermediates` to it. */
export async function presentListener(
  issuer: string,
  signingKey: CryptoKey,
  intermediates: string[] = [],
): Promise<Presented> {
  const { privateKey, publicKey } = await newKeyPair();
  const certificate = await certify({
    subject: LISTENER,
    issuer,
    publicKey,
    signingKey,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new SubjectAlternativeNameExtension([{ type: "ip", value: LISTENER_NAME }]),
    ],
  });
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", privateKey);
  return {
    cert: [certificate, ...intermediates].join("\n"),
    key: PemConverter.encode(pkcs8, "PRIVATE KEY"),
  };
}

export async function newKeyPair(): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]) as CryptoKeyPair;
}

/** The extensions of an authority that has at most `depth` others below it. */
export function authorityOver(depth: number): Extension[] {
  return [
    new BasicConstraintsExtension(true, depth, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
  ];
}

/** Makes a certificate, which no clock ends, in PEM. */
export async function certify(
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
