import fs from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { fileId } from "../../content/file_id.ts";
import { TreeBuilder } from "../../content/hash_tree.ts";
import { CHUNK_SIZE, DIGEST_SIZE } from "../../content/sizes.ts";
import { chunkDigests } from "../../content/sync_digest.ts";
import { Fault, inQuotes } from "../../fault.ts";
import type { DigestStore } from "./digest_store.ts";
import type { Disk } from "../disk/disk.ts";
import { fileFault, type FileStamp, openRegular, sameStamp, stampOf } from "../disk/file_stamp.ts";
import { readFully } from "../disk/read_fully.ts";
import { yieldToEventLoop } from "../../async/yield_to_event_loop.ts";

/** Bytes hashed on the calling thread before others have a turn. */
const BLOCK_SIZE = 1 << 20;
/** Bytes that a thread hashes at a time. */
const PART_SIZE = 4 << 20;
/** Parts that the threads are asked for at a time: none ever waits for the next one. */
const PARTS = 8;
/** No file system's clock that Shoal runs on ticks slower, FAT's aside: milliseconds. */
const CLOCK_TICK_MS = 20;

/** The store of hash trees, and the threads that hash large files. */
export interface HashTools {
  digests: DigestStore;
  disk: Disk;
}

export interface HashOptions {
  signal?: AbortSignal;
  /** Called after each part with the number of bytes hashed so far, and the file's size. */
  onProgress?: (hashed: number, size: number) => void;
  /** The verb in error messages. Default "share". */
  what?: string;
  /** A link stands for what it leads to. Default false: it is refused. */
  follow?: boolean;
  /** Takes chunks while a large file is hashed. */
  copier?: ChunkCopier;
}

/** Has chunks of a file copied while that is hashed, so that it is read once for both. */
export interface ChunkCopier {
  /**
   * The file into which the chunks of a part go, and their expected digests; undefined when none is
   * wanted. Positions are the same in both files.
   */
  wanted(
    position: number,
    length: number,
  ): Promise<{ path: string; expected: Uint8Array } | undefined>;
  /** Is told of each part that was wanted; `bad` are the numbers, from 0, of what is not written. */
  taken(position: number, length: number, bad: number[]): void;
}

/**
 * Reads a file once, keeps its hash tree, and returns its id with the stamp that it had. A large file is
 * hashed by several threads at a time, which open it for themselves. Throws a `disk` Fault when the file
 * changes meanwhile, and as {@link openRegular} does.
 */
export async function hashFile(
  path: string,
  { digests, disk }: HashTools,
  options: HashOptions = {},
): Promise<{ id: string; stamp: FileStamp }> {
  const { signal, onProgress, what = "share" } = options;
  const fd = openRegular(path, what, options);
  const draft = digests.draft();
  let stamp: FileStamp | undefined;
  const requireSame = () => {
    const now = stampOf(fd);
    if (stamp && sameStamp(stamp, now) && !now.unlinked) return;
    throw new Fault(
      "disk",
      `Cannot ${what} ${inQuotes(path)}: it changed while it was being hashed`,
    );
  };
  try {
    stamp = stampOf(fd);
    const { size } = stamp;
    await untilSettled(stamp, signal);
    const tree = new TreeBuilder(draft.put);
    let hashed = 0;
    const parts = disk.pays(size)
      ? hashedByThreads(path, { stamp, disk, ...options })
      : hashedHere(fd, { size, signal });
    for await (const part of parts) {
      await tree.add(part);
      signal?.throwIfAborted();
      hashed = Math.min(size, hashed + part.length / DIGEST_SIZE * CHUNK_SIZE);
      onProgress?.(hashed, size);
    }
    const top = await tree.finish();
    requireSame();
    if (hashed < size) throw new Error(`it ended after ${hashed} bytes`);
    const id = await fileId(size, top);
    draft.settle(id);
    return { id, stamp };
  } catch (error) {
    draft.discard();
    if (error instanceof Fault) throw error;
    signal?.throwIfAborted();
    // Threads open the file by its path: when that leads elsewhere by now, this is why they failed.
    requireSame();
    throw fileFault(`Cannot ${what} ${inQuotes(path)}`, error);
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * Waits until a change of the file would be seen in its stamp: one within the same tick of the file
 * system's clock as the last would not be. Throws the signal's reason.
 */
export async function untilSettled(stamp: FileStamp, signal?: AbortSignal): Promise<void> {
  const age = Date.now() - stamp.mtime;
  if (age < 0 || age >= CLOCK_TICK_MS) return;
  await delay(CLOCK_TICK_MS - age, undefined, { signal }).catch((error) => {
    // Its own error doesn't say why.
    signal?.throwIfAborted();
    throw error;
  });
}

/** The digests of a file's chunks, block by block; it may end early. */
async function* hashedHere(
  fd: number,
  { size, signal }: { size: number; signal?: AbortSignal },
): AsyncGenerator<Uint8Array> {
  const block = new Uint8Array(Math.min(BLOCK_SIZE, size));
  for (let position = 0; position < size; position += BLOCK_SIZE) {
    if (position > 0) await yieldToEventLoop(signal);
    yield chunkDigests(block.subarray(0, readFully(fd, block, position)));
  }
}

/** The digests of a file's chunks, part by part; it ends early when the file has changed. */
async function* hashedByThreads(
  path: string,
  { stamp, disk, follow, copier }: HashOptions & { stamp: FileStamp; disk: Disk },
): AsyncGenerator<Uint8Array> {
  const { size } = stamp;
  const hashPart = async (position: number): Promise<Uint8Array | undefined> => {
    const length = Math.min(PART_SIZE, size - position);
    const into = await copier?.wanted(position, length);
    const hashed = await disk.hash(path, position, { length, stamp, follow, into });
    if (hashed?.bad) copier!.taken(position, length, hashed.bad);
    return hashed?.digests;
  };
  disk.start(size);
  const pending: Promise<Uint8Array | undefined>[] = [];
  try {
    for (let position = 0; position < size || pending.length > 0;) {
      for (; position < size && pending.length < PARTS; position += PART_SIZE) {
        const part = hashPart(position);
        // It is looked at in turn.
        part.catch(() => {});
        pending.push(part);
      }
      const digests = await pending.shift();
      if (!digests) return;
      yield digests;
    }
  } finally {
    await Promise.allSettled(pending);
  }
}
