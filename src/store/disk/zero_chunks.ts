import { Buffer } from "node:buffer";
import { sameBytes } from "../../content/digest.ts";
import { fromHex } from "../../content/hex.ts";
import { CHUNK_SIZE, DIGEST_SIZE } from "../../content/sizes.ts";

/** The SHA-256 of a whole chunk of zeros. */
export const ZERO_DIGEST: Uint8Array<ArrayBuffer> = fromHex(
  "de2f256064a0af797747c2b97505dc0b9f3df0de4f489eac731c23ae9ca9cc31",
);

const zeros = new Uint8Array(CHUNK_SIZE);
const there = new Uint8Array(CHUNK_SIZE);

/** True for the digest of a whole chunk of zeros. */
export function isZeroDigest(digest: Uint8Array): boolean {
  return sameBytes(digest, ZERO_DIGEST);
}

/**
 * The numbers, from 0, of those chunks that are zeros and are so in their place already: they need not be
 * written, and stay a hole. `read` fills a buffer from a position in the place, and returns how much of
 * it there was.
 */
export function holesAmong(
  digests: Uint8Array,
  read: (into: Uint8Array, position: number) => number,
): number[] {
  const holes: number[] = [];
  for (let at = 0; at < digests.length; at += DIGEST_SIZE) {
    if (!isZeroDigest(digests.subarray(at, at + DIGEST_SIZE))) continue;
    const chunk = at / DIGEST_SIZE;
    const filled = read(there, chunk * CHUNK_SIZE);
    if (filled === CHUNK_SIZE && Buffer.compare(there, zeros) === 0) holes.push(chunk);
  }
  return holes;
}
