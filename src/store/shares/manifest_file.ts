import fs from "node:fs";
import { type Manifest, manifestLines } from "../../content/manifest.ts";
import { ManifestBytes } from "../../content/manifest_bytes.ts";
import { fileId } from "../../content/file_id.ts";
import { TreeBuilder } from "../../content/hash_tree.ts";
import { chunkDigests } from "../../content/sync_digest.ts";
import { yieldToEventLoop } from "../../async/yield_to_event_loop.ts";
import { Fault, inQuotes } from "../../fault.ts";
import { openRegular, writeFault } from "../disk/file_stamp.ts";
import { writeFully } from "../disk/write_fully.ts";

/** Bytes read or written at a time. */
const BLOCK_SIZE = 1 << 20;

/**
 * Reads the manifest from a file whose content was verified, a block at a time. Throws an
 * `integrity` Fault for one that is malformed, and a `disk` Fault.
 */
export async function readManifest(path: string, signal?: AbortSignal): Promise<Manifest> {
  const bytes = new ManifestBytes();
  const fd = openRegular(path, "read");
  try {
    const block = new Uint8Array(BLOCK_SIZE);
    for (
      let position = 0, n;
      (n = fs.readSync(fd, block, 0, BLOCK_SIZE, position)) > 0;
      position += n
    ) {
      bytes.add(block.subarray(0, n));
      signal?.throwIfAborted();
      await yieldToEventLoop();
    }
    return bytes.finish();
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    signal?.throwIfAborted();
    throw new Fault("disk", `Cannot read ${inQuotes(path)}`, { cause });
  } finally {
    fs.closeSync(fd);
  }
}

/** Returns the id that the file of a manifest would have. Nothing is written. */
export async function idOfManifest(manifest: Manifest): Promise<string> {
  const tree = new TreeBuilder(() => {});
  let size = 0;
  for await (const block of manifestBlocks(manifest)) {
    await tree.add(chunkDigests(block));
    size += block.length;
  }
  return await fileId(size, await tree.finish());
}

/** Writes a manifest to a new file, synced. Throws a `disk` Fault. */
export async function writeManifest(path: string, manifest: Manifest): Promise<void> {
  try {
    const fd = fs.openSync(path, "wx", 0o600);
    try {
      let position = 0;
      for await (const block of manifestBlocks(manifest)) {
        writeFully(fd, block, position);
        position += block.length;
      }
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  } catch (cause) {
    throw writeFault(path, cause);
  }
}

/** The bytes of a manifest in blocks of {@link BLOCK_SIZE}, the last one shorter: each is used again. */
async function* manifestBlocks(manifest: Manifest): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  const block = new Uint8Array(BLOCK_SIZE);
  let filled = 0;
  for (const line of manifestLines(manifest)) {
    for (let rest = encoder.encode(`${line}\n`); rest.length > 0;) {
      const part = rest.subarray(0, BLOCK_SIZE - filled);
      block.set(part, filled);
      filled += part.length;
      rest = rest.subarray(part.length);
      if (filled < BLOCK_SIZE) continue;
      yield block;
      filled = 0;
      await yieldToEventLoop();
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}
