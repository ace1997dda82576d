import { Chunker } from "../../content/chunker.ts";
import { digest } from "../../content/digest.ts";
import { fileId } from "../../content/file_id.ts";
import { TreeBuilder } from "../../content/hash_tree.ts";
import { Fault, inQuotes } from "../../fault.ts";
import type { DigestStore } from "../hash/digest_store.ts";
import { type FileStamp, stampOfPath, writeFault } from "../disk/file_stamp.ts";
import { untilSettled } from "../hash/hash_file.ts";
import { makeStatePart } from "../state/state_part.ts";
import { requireFreeSpace } from "../../system/free_space.ts";

/** Digests in flight. */
const DIGESTS = 32;

interface ReceiveOptions {
  /** A new file is made in this folder. */
  folder: string;
  /** Its name in error messages. */
  what: string;
  /** Bytes that will come, where the sender said so. */
  size?: number;
  signal?: AbortSignal;
  /** Called after each write, with the bytes so far. */
  onReceived?: (bytes: number) => void;
}

/** A file that came, where it lies. */
export interface Received {
  path: string;
  id: string;
  stamp: FileStamp;
}

/**
 * Writes all that comes to a file of its own, synced; its hash tree is kept in `digests`. It is hashed as
 * it comes, and read no faster than it is written. Whatever fails, nothing is left, and `body` is
 * cancelled. Throws a `disk` Fault, also when there isn't room for `size` bytes, and a `usage` Fault when
 * it is not as long as was said.
 */
export async function receiveFile(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  digests: DigestStore,
  { folder, what, size, signal, onReceived }: ReceiveOptions,
): Promise<Received> {
  const path = `${folder}/${crypto.randomUUID()}`;
  const chunks = body.pipeThrough(new Chunker()).getReader();
  const stop = () => void chunks.cancel(signal!.reason).catch(() => {});
  signal?.addEventListener("abort", stop);
  const draft = digests.draft();
  try {
    signal?.throwIfAborted();
    makeStatePart(folder);
    requireRoom(folder, what, size);
    using file = await onDisk(path, () => Deno.open(path, { write: true, createNew: true }));
    const tree = new TreeBuilder(draft.put);
    const pending: Promise<Uint8Array>[] = [];
    let received = 0;
    for (;;) {
      const { value, done } = await read(chunks, what);
      // A cancelled reader ends as if all had come.
      signal?.throwIfAborted();
      if (done) break;
      pending.push(digest(value));
      if (pending.length === DIGESTS) await tree.add(await pending.shift()!);
      for (let at = 0; at < value.length;) {
        at += await onDisk(path, () => file.write(value.subarray(at)));
      }
      received += value.length;
      if (size !== undefined && received > size) break;
      onReceived?.(received);
    }
    if (size !== undefined && received !== size) {
      throw new Fault(
        "usage",
        `Cannot take ${inQuotes(what)}: ${received} bytes came in place of ${size}`,
      );
    }
    await onDisk(path, () => file.sync());
    for (const one of pending) await tree.add(await one);
    const id = await fileId(received, await tree.finish());
    const stamp = stampOfPath(path);
    await untilSettled(stamp, signal);
    draft.settle(id);
    return { path, id, stamp };
  } catch (error) {
    draft.discard();
    await chunks.cancel(error).catch(() => {});
    await Deno.remove(path).catch(() => {});
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

async function read(chunks: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>, what: string) {
  try {
    return await chunks.read();
  } catch (cause) {
    throw new Fault("network", `Cannot take ${inQuotes(what)}: the sender went away`, { cause });
  }
}

async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw writeFault(path, cause);
  }
}

function requireRoom(folder: string, what: string, size: number | undefined): void {
  if (size === undefined) return;
  requireFreeSpace(folder, size, `Cannot take ${inQuotes(what)}, which has ${size} bytes`);
}
