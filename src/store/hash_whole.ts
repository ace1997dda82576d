import { createHash } from "node:crypto";
import fs from "node:fs";
import { fileFault } from "./file_stamp.ts";

/** Bytes read at a time. */
const BLOCK_SIZE = 1 << 20;

/**
 * The SHA-256 of a whole file: 64 hex digits. It is read once, a block at a time, off this thread.
 * Throws a `disk` Fault, and the signal's reason.
 */
export async function hashWhole(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  const block = new Uint8Array(BLOCK_SIZE);
  try {
    const file = await fs.promises.open(path, "r");
    try {
      for (;;) {
        signal?.throwIfAborted();
        const { bytesRead } = await file.read(block, 0, BLOCK_SIZE);
        if (bytesRead === 0) return hash.digest("hex");
        hash.update(block.subarray(0, bytesRead));
      }
    } finally {
      await file.close();
    }
  } catch (cause) {
    signal?.throwIfAborted();
    throw fileFault(`Cannot read ${path}`, cause);
  }
}
