import { toHex } from "./hex.ts";
import { digest } from "./digest.ts";

const PREFIX = new TextEncoder().encode("shoal/1\0");

/**
 * A file's id: SHA-256("shoal/1\0" ‖ size as u64 big-endian ‖ top block of its hash tree), as 64
 * hex digits. The size is bound in, so that a block of digests can't be passed off as a file.
 */
export async function fileId(size: number, topBlock: Uint8Array): Promise<string> {
  return toHex(await digest(fileIdBytes(size, topBlock)));
}

/** The bytes whose SHA-256 is a file id. */
export function fileIdBytes(size: number, topBlock: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(PREFIX.length + 8 + topBlock.length);
  bytes.set(PREFIX);
  new DataView(bytes.buffer).setBigUint64(PREFIX.length, BigInt(size));
  bytes.set(topBlock, PREFIX.length + 8);
  return bytes;
}
