import { inQuotes } from "../../fault.ts";
import { createHash } from "node:crypto";
import fs from "node:fs";
import { fileFault } from "../disk/file_stamp.ts";
import { openRegularFile } from "../../system/open_regular.ts";

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
    const fd = openRegularFile(path, { follow: true });
    try {
      let bytesRead = await read(fd, block);
      while (bytesRead > 0) {
        signal?.throwIfAborted();
        const reading = read(fd, next);
        hash.update(block.subarray(0, bytesRead));
        bytesRead = await reading;
        [next, block] = [block, next];
      }
      signal?.throwIfAborted();
      return hash.digest("hex");
    } finally {
      fs.closeSync(fd);
    }
  } catch (cause) {
    signal?.throwIfAborted();
    throw fileFault(`Cannot read ${inQuotes(path)}`, cause);
  }
}

/** Reads on where the last read ended; returns how many bytes there were. */
function read(fd: number, into: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(fd, into, 0, into.length, null, (error, n) => error ? reject(error) : resolve(n));
  });
}
