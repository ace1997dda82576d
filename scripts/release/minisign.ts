/**
 * Signatures in the format of minisign: Ed25519 over the BLAKE2b-512 of a file. A key is made by
 * `minisign -G -W`: without a password, so that a release can be signed unattended.
 */
import { Buffer } from "node:buffer";
import { createHash, createPrivateKey, sign } from "node:crypto";

/** The secret key of a signer. */
export interface SigningKey {
  id: Uint8Array;
  seed: Uint8Array;
  /** The public key, as minisign writes it. */
  publicKey: string;
}

/** The DER of an Ed25519 private key (RFC 8410), up to its 32 bytes. */
const PKCS8 = Uint8Array.fromHex("302e020100300506032b657004220420");

/** Reads a secret key file. Throws an Error for one with a password, or of another kind. */
export function readSigningKey(text: string): SigningKey {
  const bytes = Uint8Array.fromBase64(text.split("\n")[1] ?? "");
  const [algorithm, kdf] = [0, 2].map((at) => String.fromCharCode(...bytes.subarray(at, at + 2)));
  if (bytes.length !== 158 || algorithm !== "Ed") throw new Error("it is no minisign secret key");
  if (kdf !== "\0\0") throw new Error("it has a password: make one with minisign -G -W");
  const id = bytes.subarray(54, 62);
  const publicKey = Buffer.concat([bytes.subarray(0, 2), id, bytes.subarray(94, 126)]);
  return { id, seed: bytes.subarray(62, 94), publicKey: publicKey.toString("base64") };
}

/** The text of NAME.minisig for a file. `comment` is signed too. */
export function signatureOf(bytes: Uint8Array, comment: string, key: SigningKey): string {
  const der = Buffer.concat([PKCS8, key.seed]);
  const secret = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const digest = createHash("blake2b512").update(bytes).digest();
  const signature = sign(null, digest, secret);
  const whole = sign(null, Buffer.concat([signature, new TextEncoder().encode(comment)]), secret);
  const line = Buffer.concat([new TextEncoder().encode("ED"), key.id, signature]);
  return "untrusted comment: signature of a Shoal release\n" + line.toString("base64") + "\n" +
    `trusted comment: ${comment}\n` + whole.toString("base64") + "\n";
}
