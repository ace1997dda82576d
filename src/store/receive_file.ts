import fs from "node:fs";
import { Fault } from "../fault.ts";
import { writeFault } from "./file_stamp.ts";

export interface ReceiveOptions {
  /** What it is called in error messages. */
  what: string;
  /** Bytes that will come, where the sender said so. */
  size?: number;
  signal?: AbortSignal;
  /** Called after each write, with the bytes so far. */
  onReceived?: (bytes: number) => void;
}

/**
 * Writes all that comes to a file of its own in `folder`, synced, and returns its path. It is read no
 * faster than it is written. Whatever fails, nothing is left. Throws a `disk` Fault, also when there
 * isn't room for `size` bytes, and a `usage` Fault when it is not as long as was said.
 */
export async function receiveFile(
  body: ReadableStream<Uint8Array>,
  folder: string,
  { what, size, signal, onReceived }: ReceiveOptions,
): Promise<string> {
  const path = `${folder}/${crypto.randomUUID()}`;
  const reader = body.getReader();
  const stop = () => void reader.cancel(signal!.reason).catch(() => {});
  signal?.addEventListener("abort", stop);
  try {
    signal?.throwIfAborted();
    await onDisk(path, () => Deno.mkdir(folder, { recursive: true, mode: 0o700 }));
    requireRoom(folder, what, size);
    using file = await onDisk(path, () => Deno.open(path, { write: true, createNew: true }));
    let received = 0;
    for (;;) {
      const { value, done } = await read(reader, what);
      // A cancelled reader ends as if all had come.
      signal?.throwIfAborted();
      if (done) break;
      for (let at = 0; at < value.length;) {
        at += await onDisk(path, () => file.write(value.subarray(at)));
      }
      received += value.length;
      if (size !== undefined && received > size) break;
      onReceived?.(received);
    }
    if (size !== undefined && received !== size) {
      throw new Fault("usage", `Cannot take ${what}: ${received} bytes came in place of ${size}`);
    }
    await onDisk(path, () => file.sync());
    return path;
  } catch (error) {
    await Deno.remove(path).catch(() => {});
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
    reader.releaseLock();
  }
}

async function read(reader: ReadableStreamDefaultReader<Uint8Array>, what: string) {
  try {
    return await reader.read();
  } catch (cause) {
    throw new Fault("network", `Cannot take ${what}: the sender went away`, { cause });
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
  const { bavail, bsize } = fs.statfsSync(folder);
  const free = bavail * bsize;
  if (size === undefined || size <= free) return;
  const message = `Cannot take ${what}: it has ${size} bytes, and only ${free} are free`;
  throw new Fault("disk", message);
}
