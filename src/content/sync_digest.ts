/**
 * SHA-256 on the calling thread. For small files, and on threads that have nothing else to do, this is
 * quicker than WebCrypto, which copies what it hashes and hands it to another thread and back.
 */
import { hash } from "node:crypto";
import { fileIdBytes } from "./file_id.ts";
import { toHex } from "./hex.ts";
import { BLOCK_DIGESTS, CHUNK_SIZE, DIGEST_SIZE } from "./sizes.ts";

/** Most bytes in a file that {@link contentId} takes: its tree is one block. */
const ONE_BLOCK = BLOCK_DIGESTS * CHUNK_SIZE;

export function sha256(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(hash("sha256", bytes, "buffer"));
}

/** As fileId. */
export function fileIdOf(size: number, topBlock: Uint8Array): string {
  return toHex(sha256(fileIdBytes(size, topBlock)));
}

/** The digests of all chunks of some bytes, and the id of the file that has just these bytes. */
export function contentId(bytes: Uint8Array): { id: string; block: Uint8Array<ArrayBuffer> } {
  if (bytes.length > ONE_BLOCK) {
    throw new RangeError(`${bytes.length} bytes have more than one block`);
  }
  const block = chunkDigests(bytes);
  return { id: fileIdOf(bytes.length, block), block };
}

/** The digests of all chunks of some bytes, one after the other, {@link DIGEST_SIZE} bytes each. */
export function chunkDigests(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const digests = new Uint8Array(Math.ceil(bytes.length / CHUNK_SIZE) * DIGEST_SIZE);
  for (let chunk = 0; chunk * CHUNK_SIZE < bytes.length; chunk++) {
    const at = chunk * CHUNK_SIZE;
    const one = hash("sha256", bytes.subarray(at, at + CHUNK_SIZE), "buffer");
    digests.set(one, chunk * DIGEST_SIZE);
  }
  return digests;
}
