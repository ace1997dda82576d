import fs from "node:fs";
import {
  type Manifest,
  MANIFEST_CAP,
  MANIFEST_LINE_CAP,
  manifestLines,
  ManifestReader,
} from "../content/manifest.ts";
import { turn } from "./turn.ts";
import { Fault } from "../fault.ts";
import { writeFault } from "./file_stamp.ts";
import { writeFully } from "./write_fully.ts";

/** Bytes read or written at a time. */
const BLOCK_SIZE = 1 << 20;
const NEWLINE = 10;

/**
 * The manifest in a file whose content was verified, a block at a time. Throws an `integrity` Fault for
 * one that can't be followed, and a `disk` Fault.
 */
export async function readManifest(path: string, signal?: AbortSignal): Promise<Manifest> {
  const reader = new ManifestReader();
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const fd = fs.openSync(path, "r");
  try {
    const block = new Uint8Array(BLOCK_SIZE);
    let kept = 0;
    for (
      let position = 0, n;
      (n = fs.readSync(fd, block, kept, BLOCK_SIZE - kept, position)) > 0;
    ) {
      position += n;
      const filled = block.subarray(0, kept + n);
      const end = filled.lastIndexOf(NEWLINE) + 1;
      kept = filled.length - end;
      if (position > MANIFEST_CAP || kept > MANIFEST_LINE_CAP) throw wrong("it is too long");
      for (const line of decode(decoder, filled.subarray(0, end)).split("\n").slice(0, -1)) {
        reader.add(line);
      }
      block.copyWithin(0, end, filled.length);
      signal?.throwIfAborted();
      await turn();
    }
    if (kept > 0) throw wrong("its last line has no end");
    return reader.finish();
  } catch (cause) {
    if (cause instanceof Fault || signal?.aborted) throw cause;
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
        await turn();
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

function decode(decoder: TextDecoder, bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw wrong("it is not UTF-8");
  }
}

function wrong(why: string): Fault {
  return new Fault("integrity", `malformed manifest: ${why}`);
}
