import { CHUNK_SIZE, DIGEST_SIZE } from "./sizes.ts";

/** SHA-256 of some bytes. They may be changed as soon as this returns: WebCrypto takes a copy. */
export async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/**
 * The digests of all chunks in `bytes`, one after the other, {@link DIGEST_SIZE} bytes each. All are
 * in flight at once: WebCrypto hashes on other threads, and one at a time would keep one of them
 * half busy.
 */
export async function digestChunks(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const pending: Promise<ArrayBuffer>[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK_SIZE) {
    pending.push(crypto.subtle.digest("SHA-256", bytes.subarray(at, at + CHUNK_SIZE)));
  }
  const digests = new Uint8Array(pending.length * DIGEST_SIZE);
  for (const [index, one] of (await Promise.all(pending)).entries()) {
    digests.set(new Uint8Array(one), index * DIGEST_SIZE);
  }
  return digests;
}

/** True when two byte strings are equal. Not constant-time: digests are no secrets. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
