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

/** The numbers, from 0, of whole chunks of zeros, by the digests of all. */
function* zeroChunks(digests: Uint8Array): Generator<number> {
  for (let at = 0; at < digests.length; at += DIGEST_SIZE) {
    if (sameBytes(digests.subarray(at, at + DIGEST_SIZE), ZERO_DIGEST)) yield at / DIGEST_SIZE;
  }
}

/** The runs of whole chunks of zeros, by the digests of all; chunks are counted from 0. */
export function zeroRuns(digests: Uint8Array): { first: number; count: number }[] {
  const runs: { first: number; count: number }[] = [];
  for (const chunk of zeroChunks(digests)) {
    const last = runs.at(-1);
    if (last && last.first + last.count === chunk) last.count++;
    else runs.push({ first: chunk, count: 1 });
  }
  return runs;
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
  for (const chunk of zeroChunks(digests)) {
    const filled = read(there, chunk * CHUNK_SIZE);
    if (filled === CHUNK_SIZE && Buffer.compare(there, zeros) === 0) holes.push(chunk);
  }
  return holes;
}
