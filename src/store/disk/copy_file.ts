import { Buffer } from "node:buffer";
import fs from "node:fs";
import { yieldToEventLoop } from "../../async/yield_to_event_loop.ts";
import { CHUNK_SIZE } from "../../content/sizes.ts";
import { openRegularFile } from "../../system/open_regular.ts";
import { readFully } from "./read_fully.ts";
import { writeFully } from "./write_fully.ts";

/** Bytes that are copied before others get a turn. */
const BLOCK_SIZE = 16 * CHUNK_SIZE;

const zeros = new Uint8Array(CHUNK_SIZE);

/** Copies a file to a new one, holes as holes. Throws as the file system does, also where something is. */
export async function copyFile(source: string, copy: string): Promise<void> {
  const { size, blocks = 0 } = fs.statSync(source);
  if (Deno.build.os === "windows" || blocks * 512 >= size) {
    return await fs.promises.copyFile(source, copy, fs.constants.COPYFILE_EXCL);
  }
  const fd = fs.openSync(copy, "wx");
  try {
    await copyInto(source, fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** Copies what is no zeros of a file into an open one, and makes that as long. Throws as the file system does. */
export async function copyInto(source: string, into: number): Promise<void> {
  const from = openRegularFile(source);
  try {
    const block = new Uint8Array(BLOCK_SIZE);
    let position = 0;
    for (let filled; (filled = readFully(from, block, position)) > 0; position += filled) {
      for (let at = 0; at < filled; at += CHUNK_SIZE) {
        const chunk = block.subarray(at, Math.min(filled, at + CHUNK_SIZE));
        if (Buffer.compare(chunk, zeros.subarray(0, chunk.length)) === 0) continue;
        writeFully(into, chunk, position + at);
      }
      await yieldToEventLoop();
    }
    fs.ftruncateSync(into, position);
  } finally {
    fs.closeSync(from);
  }
}
