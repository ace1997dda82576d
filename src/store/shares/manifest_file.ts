import fs from "node:fs";
import { type Manifest, manifestLines } from "../../content/manifest.ts";
import { ManifestBytes } from "../../content/manifest_bytes.ts";
import { yieldToEventLoop } from "../../async/yield_to_event_loop.ts";
import { Fault } from "../../fault.ts";
import { writeFault } from "../disk/file_stamp.ts";
import { writeFully } from "../disk/write_fully.ts";

/** Bytes read or written at a time. */
const BLOCK_SIZE = 1 << 20;

/**
 * Reads the manifest from a file whose content was verified, a block at a time. Throws an
 * `integrity` Fault for one that is malformed, and a `disk` Fault.
 */
export async function readManifest(path: string, signal?: AbortSignal): Promise<Manifest> {
  const bytes = new ManifestBytes();
  const fd = fs.openSync(path, "r");
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
    throw new Fault("disk", `Cannot read ${path}`, { cause });
  } finally {
    fs.closeSync(fd);
  }
}

/** Writes a manifest to a new file, synced. Throws a `disk` Fault. */
export async function writeManifest(path: string, manifest: Manifest): Promise<void> {
  const encoder = new TextEncoder();
  try {
    const fd = fs.openSync(path, "w", 0o600);
    try {
      let position = 0;
      let text = "";
      const flush = () => {
        const bytes = encoder.encode(text);
        writeFully(fd, bytes, position);
        position += bytes.length;
        text = "";
      };
      for (const line of manifestLines(manifest)) {
        text += line + "\n";
        if (text.length < BLOCK_SIZE / 4) continue;
        flush();
        await yieldToEventLoop();
      }
      flush();
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  } catch (cause) {
    throw writeFault(path, cause);
  }
}
