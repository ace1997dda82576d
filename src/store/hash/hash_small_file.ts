import fs from "node:fs";
import { fileIdOf, sha256 } from "../../content/sync_digest.ts";
import { CHUNK_SIZE } from "../../content/sizes.ts";
import { Fault, inQuotes } from "../../fault.ts";
import { fileFault, type FileStamp, openRegular, sameStamp, stampOf } from "../disk/file_stamp.ts";
import { readFully } from "../disk/read_fully.ts";
import { type HashOptions, untilSettled } from "./hash_file.ts";

const buffer = new Uint8Array(CHUNK_SIZE + 1);

/**
 * As hashFile, for a file of at most one chunk: without streams, and nothing is kept. `digest` is the
 * top block of its tree. Throws in the same way.
 */
export async function hashSmallFile(
  path: string,
  { signal, what = "share" }: HashOptions = {},
): Promise<{ id: string; stamp: FileStamp; digest: Uint8Array<ArrayBuffer> }> {
  const fd = openRegular(path, what);
  try {
    const stamp = stampOf(fd);
    await untilSettled(stamp, signal);
    const size = readFully(fd, buffer, 0);
    const now = stampOf(fd);
    if (!sameStamp(stamp, now) || size !== stamp.size || now.unlinked) {
      throw new Fault(
        "disk",
        `Cannot ${what} ${inQuotes(path)}: it changed while it was being hashed`,
      );
    }
    const digest = size === 0 ? new Uint8Array() : sha256(buffer.subarray(0, size));
    return { id: fileIdOf(size, digest), stamp, digest };
  } catch (error) {
    if (error instanceof Fault) throw error;
    signal?.throwIfAborted();
    throw fileFault(`Cannot ${what} ${inQuotes(path)}`, error);
  } finally {
    fs.closeSync(fd);
  }
}
