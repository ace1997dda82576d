/**
 * Who a peer is: an Ed25519 key pair. The public key, in hex, is its id. The private key lies in the
 * peer's state folder as PKCS #8 in PEM, so that `openssl pkey` reads it too.
 */
import { dirname } from "node:path";
import { fromHex, toHex } from "../content/hex.ts";
import { Fault, messageOf } from "../fault.ts";

type Bytes = Uint8Array<ArrayBuffer>;

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
   * the file is damaged: to replace it would silently turn this peer into somebody else.
   */
  static async load(path: string): Promise<Identity> {
    let pem: string;
    try {
      pem = await Deno.readTextFile(path);
    } catch (cause) {
      if (!(cause instanceof Deno.errors.NotFound)) throw unusable(path, messageOf(cause), cause);
      const key = await newKey();
      await writeKey(path, key);
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

  static async #import(pkcs8: Bytes): Promise<Identity> {
    const key = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"]);
    // WebCrypto gives a private key's public half away only in this format.
    const { x } = await crypto.subtle.exportKey("jwk", key);
    return new Identity(toHex(Uint8Array.fromBase64(x!, { alphabet: "base64url" })), key);
  }
}

/** True when `signature` over `bytes` was made by the peer with that id. Never throws. */
export async function verify(peerId: string, signature: Bytes, bytes: Bytes): Promise<boolean> {
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
async function writeKey(path: string, pkcs8: Bytes): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  const pem = `-----BEGIN PRIVATE KEY-----\n${pkcs8.toBase64()}\n-----END PRIVATE KEY-----\n`;
  try {
    {
      using file = await Deno.open(temporary, { write: true, createNew: true, mode: 0o600 });
      const bytes = new TextEncoder().encode(pem);
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
      await file.sync();
    }
    await Deno.rename(temporary, path);
  } catch (cause) {
    await Deno.remove(temporary).catch(() => {});
    throw unusable(path, messageOf(cause), cause);
  }
  // Makes the new name durable too. Not every system can open a folder, and none must.
  await Deno.open(dirname(path)).then(async (folder) => {
    using opened = folder;
    await opened.sync();
  }).catch(() => {});
}

function unusable(path: string, why: string, cause: unknown): Fault {
  return new Fault("disk", `Cannot use the identity in ${path}: ${why}`, { cause });
}
