import fs from "node:fs";
import { Chunker } from "../content/chunker.ts";
import { digest } from "../content/digest.ts";
import { fileId } from "../content/file_id.ts";
import { TreeBuilder } from "../content/hash_tree.ts";
import { Fault } from "../fault.ts";
import { setTimeout as delay } from "node:timers/promises";
import { CHUNK_SIZE } from "../wire/protocol.ts";
import type { DigestStore } from "./digest_store.ts";
import {
  fileFault,
  type FileStamp,
  mtimeOf,
  openRegular,
  sameStamp,
  stampOf,
} from "./file_stamp.ts";

/** Bytes read at a time. */
const BLOCK_SIZE = 1 << 20;
const BLOCK_CHUNKS = BLOCK_SIZE / CHUNK_SIZE;
/** Blocks in use: one being read, one waiting for the chunker, one being cut, one being hashed. */
const BLOCKS = 4;
/** No file system's clock that Shoal runs on ticks slower, FAT's aside: milliseconds. */
const CLOCK_TICK_MS = 20;
/** Digests in flight. */
const DIGESTS = 32;

export interface HashOptions {
  signal?: AbortSignal;
  /** Called after each block with the number of bytes hashed so far, and the file's size. */
  onProgress?: (hashed: number, size: number) => void;
  /** The verb in error messages. Default "share". */
  what?: string;
  /** A link stands for what it leads to. Default false: it is refused. */
  follow?: boolean;
}

/**
 * Reads a file once, keeps its hash tree in `store`, and returns its id with the stamp that it had.
 * Throws a `disk` Fault when the file changes meanwhile, and as {@link openRegular} does.
 */
export async function hashFile(
  path: string,
  store: DigestStore,
  { signal, onProgress, what = "share", follow }: HashOptions = {},
): Promise<{ id: string; stamp: FileStamp }> {
  const fd = openRegular(path, what, { follow });
  const draft = store.draft();
  try {
    const stamp = stampOf(fd);
    await untilSettled(stamp, signal);
    const tree = new TreeBuilder(draft.put);
    const pending: Promise<Uint8Array>[] = [];
    let hashed = 0;
    const progress = { taken: 0 };
    for await (const chunk of blocksOf(fd, progress).pipeThrough(new Chunker())) {
      pending.push(digest(chunk));
      progress.taken++;
      hashed += chunk.length;
      if (pending.length === DIGESTS) await tree.add((await pending.shift())!);
      if (progress.taken % BLOCK_CHUNKS === 0) {
        signal?.throwIfAborted();
        onProgress?.(hashed, stamp.size);
      }
    }
    for (const one of pending) await tree.add(await one);
    const top = await tree.finish();
    const now = stampOf(fd);
    if (!sameStamp(stamp, now) || hashed !== stamp.size || now.unlinked) {
      throw new Fault("disk", `Cannot ${what} ${path}: it changed while it was being hashed`);
    }
    const id = await fileId(stamp.size, top);
    draft.settle(id);
    return { id, stamp };
  } catch (error) {
    draft.discard();
    if (error instanceof Fault || signal?.aborted) throw error;
    throw fileFault(`Cannot ${what} ${path}`, error);
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * Waits until a change of the file would be seen in its stamp: one within the same tick of the file
 * system's clock as the last would not be.
 */
export async function untilSettled(stamp: FileStamp, signal?: AbortSignal): Promise<void> {
  const age = Date.now() - mtimeOf(stamp);
  if (age >= 0 && age < CLOCK_TICK_MS) await delay(CLOCK_TICK_MS - age, undefined, { signal });
}

/** The file's bytes in blocks that share a few buffers; `taken` counts the chunks done with. */
function blocksOf(fd: number, progress: { taken: number }) {
  const buffers = Array.from({ length: BLOCKS }, () => new Uint8Array(BLOCK_SIZE));
  let block = 0;
  let position = 0;
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      // The streams' own back-pressure keeps this true; refilling a buffer early would be silent.
      if (progress.taken < (block - BLOCKS + 1) * BLOCK_CHUNKS) {
        throw new Error("a block was asked for before its buffer was free");
      }
      const buffer = buffers[block++ % BLOCKS];
      let filled = 0;
      while (filled < BLOCK_SIZE) {
        const n = fs.readSync(fd, buffer, filled, BLOCK_SIZE - filled, position + filled);
        if (n === 0) break;
        filled += n;
      }
      position += filled;
      if (filled > 0) controller.enqueue(buffer.subarray(0, filled));
      if (filled < BLOCK_SIZE) controller.close();
    },
  }, { highWaterMark: 0 });
}
