import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { AssertionError } from "@std/assert";

export type Bytes = Uint8Array<ArrayBuffer>;

/** Bytes that look random and are the same for the same seed, none of two chunks alike. */
export function patterned(length: number, seed = 1): Bytes {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = (seed * 2_654_435_769) >>> 0 || 1;
  for (let at = 0; at < words.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return new Uint8Array(words.buffer, 0, length);
}

/** SHA-256 by another implementation than the program's. */
export function sha256(...parts: Uint8Array[]): Bytes {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** assertEquals takes minutes where megabytes are compared. */
export function assertSameBytes(actual: Uint8Array, expected: Uint8Array, what = "bytes"): void {
  if (actual.length !== expected.length) {
    throw new AssertionError(`${what}: ${actual.length} of them in place of ${expected.length}`);
  }
  if (!bufferOf(actual).equals(bufferOf(expected))) {
    const at = actual.findIndex((byte, index) => byte !== expected[index]);
    throw new AssertionError(`${what} differ from number ${at} on`);
  }
}

export function concat(parts: Uint8Array[]): Bytes {
  // No Buffer, which is never equal to a Uint8Array.
  return new Uint8Array(Buffer.concat(parts));
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
