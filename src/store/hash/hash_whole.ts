import { createHash } from "node:crypto";
import fs from "node:fs";
import { fileFault } from "../disk/file_stamp.ts";

/** Bytes read at a time. */
const BLOCK_SIZE = 1 << 20;

/**
 * The SHA-256 of a whole file: 64 hex digits. It is read once, one block while the one before is
 * hashed. Throws a `usage` or `disk` Fault, and the signal's reason.
 */
export async function hashWhole(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  let [next, block] = [new Uint8Array(BLOCK_SIZE), new Uint8Array(BLOCK_SIZE)];
  try {
    const file = await fs.promises.open(path, "r");
    try {
      let { bytesRead } = await file.read(block, 0, BLOCK_SIZE);
      while (bytesRead > 0) {
        signal?.throwIfAborted();
        const reading = file.read(next, 0, BLOCK_SIZE);
        hash.update(block.subarray(0, bytesRead));
        ({ bytesRead } = await reading);
        [next, block] = [block, next];
      }
      signal?.throwIfAborted();
      return hash.digest("hex");
    } finally {
      await file.close();
    }
  } catch (cause) {
    signal?.throwIfAborted();
    throw fileFault(`Cannot read ${path}`, cause);
  }
}
