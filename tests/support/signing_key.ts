import { generateKeyPairSync } from "node:crypto";

/** A throwaway key in the format of minisign's key files, without a password. */
export function newSigningKey(): string {
  const { privateKey } = generateKeyPairSync("ed25519");
  const { d, x } = privateKey.export({ format: "jwk" });
  const [seed, point] = [d!, x!].map((text) =>
    Uint8Array.fromBase64(text, { alphabet: "base64url" })
  );
  const bytes = new Uint8Array(158);
  bytes.set(new TextEncoder().encode("Ed\0\0B2"));
  bytes.set(crypto.getRandomValues(new Uint8Array(8)), 54);
  bytes.set(seed, 62);
  bytes.set(point, 94);
  return `untrusted comment: a key of a test\n${bytes.toBase64()}\n`;
}
