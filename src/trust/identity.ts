/**
 * The identity of a peer: an Ed25519 key pair. The public key, in hex, is its id. The private key
 * lies in the peer's state folder as PKCS #8 in PEM, so that `openssl pkey` reads it too.
 */
import { isStrongKey } from "./is_strong_key.ts";
import { fromHex, toHex } from "../content/hex.ts";
import { Fault, inQuotes } from "../fault.ts";
import { replaceFile } from "../system/replace_file.ts";
import { reasonOf } from "../system/file_failure.ts";
import { readRegularText } from "../system/open_regular.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Most bytes of the file: what Shoal writes has some 120. */
const PEM_CAP = 65_536;
const PEM = /^\s*-----BEGIN PRIVATE KEY-----\s([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----\s*$/;

export class Identity {
  /** The public key: 64 hex digits. */
  readonly id: string;
  readonly #key: CryptoKey;

  private constructor(id: string, key: CryptoKey) {
    this.id = id;
    this.#key = key;
  }

  /** A new identity that is kept nowhere. */
  static async generate(): Promise<Identity> {
    return await Identity.#import(await newKey());
  }

  /**
   * The identity in a file; one is made and put there if there is none. Throws a `disk` Fault when
   * the file is damaged: replacing it would silently give this peer another identity.
   */
  static async load(path: string): Promise<Identity> {
    let pem: string;
    try {
      pem = readRegularText(path, { cap: PEM_CAP });
    } catch (cause) {
      if ((cause as { code?: string }).code !== "ENOENT") {
        throw unusable(path, reasonOf(cause), cause);
      }
      const key = await newKey();
      writeKey(path, key);
      return await Identity.#import(key);
    }
    try {
      return await Identity.#import(Uint8Array.fromBase64(PEM.exec(pem)?.[1] ?? ""));
    } catch (cause) {
      throw unusable(path, "it is damaged, it does not hold an Ed25519 private key", cause);
    }
  }

  /** The 64 bytes of this identity's signature over `bytes`. */
  async sign(bytes: Bytes): Promise<Bytes> {
    return new Uint8Array(await crypto.subtle.sign("Ed25519", this.#key, bytes));
  }

  /** Has a certificate signed: `sign` is lent the key, which must not leave it. */
  withKey<T>(sign: (key: CryptoKey) => T): T {
    return sign(this.#key);
  }

  static async #import(pkcs8: Bytes): Promise<Identity> {
    const key = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"]);
    // WebCrypto gives a private key's public half away only in this format.
    const { x } = await crypto.subtle.exportKey("jwk", key);
    return new Identity(toHex(Uint8Array.fromBase64(x!, { alphabet: "base64url" })), key);
  }
}

/**
 * True when `signature` over `bytes` was made by the peer with that id. Keys of small order, and other
 * encodings than the canonical one, have made none. Never throws.
 */
export async function verify(peerId: string, signature: Bytes, bytes: Bytes): Promise<boolean> {
  if (!isStrongKey(peerId)) return false;
  try {
    const raw = fromHex(peerId);
    const key = await crypto.subtle.importKey("raw", raw, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", key, signature, bytes);
  } catch {
    return false; // not every 32 bytes are a key
  }
}

async function newKey(): Promise<Bytes> {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  const { privateKey } = pair as CryptoKeyPair;
  return new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey));
}

/** Whole or not at all, for its owner's eyes only, and on the disk before anyone relies on it. */
function writeKey(path: string, pkcs8: Bytes): void {
  const pem = `-----BEGIN PRIVATE KEY-----\n${pkcs8.toBase64()}\n-----END PRIVATE KEY-----\n`;
  try {
    replaceFile(path, pem);
  } catch (cause) {
    throw unusable(path, reasonOf(cause), cause);
  }
}

function unusable(path: string, why: string, cause: unknown): Fault {
  return new Fault("disk", `Cannot use the identity in ${inQuotes(path)}: ${why}`, { cause });
}
