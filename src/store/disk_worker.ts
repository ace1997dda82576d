/**
 * A thread that hashes what is on disk, verifies what arrives and writes what is right. It hashes with
 * the calling thread's own SHA-256, because here nothing else waits; WebCrypto would copy each chunk and
 * hand it to yet another thread, for a third more processor time.
 */
import fs from "node:fs";
import { badChunks, goodStretches } from "../content/bad_chunks.ts";
import { CHUNK_SIZE, DIGEST_SIZE } from "../content/sizes.ts";
import { chunkDigests } from "../content/sync_digest.ts";
import type { DiskReply, DiskRequest, Numbered } from "./disk_jobs.ts";
import { sameStamp, stampOf } from "./file_stamp.ts";
import { READ, READ_OVER_LINKS, READ_WRITE } from "./open_flags.ts";
import { readFully } from "./read_fully.ts";
import { writeFully } from "./write_fully.ts";

/** Bytes of a part that are hashed at a time: while they are still in the processor's cache. */
const BLOCK_SIZE = 4 * CHUNK_SIZE;

/** What a worker's global scope is; the runtime's versions differ in what they declare. */
const scope = self as unknown as {
  onmessage: (event: { data: Numbered<DiskRequest> }) => void;
  postMessage(reply: Numbered<DiskReply>, transfer: ArrayBuffer[]): void;
};

/** Files that are written, by their paths. */
const files = new Map<string, number>();
/** What is read to be checked, or copied. */
let checked = new Uint8Array(BLOCK_SIZE);

scope.onmessage = ({ data: { job, message } }) => {
  let reply: DiskReply;
  try {
    reply = answer(message);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    reply = { error: { code, message } };
  }
  if (message.kind === "store") reply.buffer = message.buffer;
  scope.postMessage({ job, message: reply }, reply.buffer ? [reply.buffer] : []);
};

function answer(request: DiskRequest): DiskReply {
  switch (request.kind) {
    case "store":
      return { bad: store(request) };
    case "check":
      return { bad: check(request) };
    case "copy":
      return { bad: copy(request) };
    case "hash":
      return hash(request);
    case "close":
      close(request.path);
      return {};
  }
}

function store({ path, position, buffer, length, expected }: DiskRequest & { kind: "store" }) {
  const payload = new Uint8Array(buffer, 0, length);
  const bad = badChunks(chunkDigests(payload), expected);
  for (const [from, to] of goodStretches(length, bad, CHUNK_SIZE)) {
    write(path, payload.subarray(from, to), position + from);
  }
  return bad;
}

function check({ path, position, length, expected }: DiskRequest & { kind: "check" }) {
  return badAfterReading(opened(path), position, { length, expected });
}

function copy({ path, position, length, expected, from }: DiskRequest & { kind: "copy" }) {
  let fd: number;
  try {
    fd = fs.openSync(from.path, "r");
  } catch {
    return Array.from({ length: Math.ceil(length / CHUNK_SIZE) }, (_, chunk) => chunk);
  }
  let bad: number[];
  try {
    bad = badAfterReading(fd, from.position, { length, expected });
  } finally {
    fs.closeSync(fd);
  }
  for (const [begin, end] of goodStretches(length, bad, CHUNK_SIZE)) {
    write(path, checked.subarray(begin, end), position + begin);
  }
  return bad;
}

function hash(
  { path, position, length, stamp, follow, into }: DiskRequest & { kind: "hash" },
): DiskReply {
  const fd = fs.openSync(path, follow ? READ_OVER_LINKS : READ);
  try {
    if (!sameStamp(stampOf(fd), stamp)) return {};
    const digests = new Uint8Array(Math.ceil(length / CHUNK_SIZE) * DIGEST_SIZE);
    const bad: number[] = [];
    for (let done = 0; done < length; done += BLOCK_SIZE) {
      const block = checked.subarray(0, Math.min(BLOCK_SIZE, length - done));
      if (readFully(fd, block, position + done) < block.length) return {};
      const found = chunkDigests(block);
      const first = done / CHUNK_SIZE;
      digests.set(found, first * DIGEST_SIZE);
      if (!into) continue;
      const wrong = badChunks(found, into.expected.subarray(first * DIGEST_SIZE));
      for (const [begin, end] of goodStretches(block.length, wrong, CHUNK_SIZE)) {
        write(into.path, block.subarray(begin, end), position + done + begin);
      }
      bad.push(...wrong.map((chunk) => first + chunk));
    }
    return { digests, bad: into && bad };
  } finally {
    fs.closeSync(fd);
  }
}

/** Reads a part of a file into {@link checked}; which of its chunks are wrong, or not there. */
function badAfterReading(
  fd: number,
  position: number,
  { length, expected }: { length: number; expected: Uint8Array },
): number[] {
  if (checked.length < length) checked = new Uint8Array(length);
  const filled = readFully(fd, checked.subarray(0, length), position);
  const bad = badChunks(chunkDigests(checked.subarray(0, filled)), expected);
  // The file may have been cut off since.
  const chunks = Math.ceil(length / CHUNK_SIZE);
  for (let chunk = Math.ceil(filled / CHUNK_SIZE); chunk < chunks; chunk++) bad.push(chunk);
  return bad;
}

function write(path: string, bytes: Uint8Array, position: number): void {
  writeFully(opened(path), bytes, position);
}

function opened(path: string): number {
  let fd = files.get(path);
  if (fd === undefined) files.set(path, fd = fs.openSync(path, READ_WRITE));
  return fd;
}

function close(path: string): void {
  const fd = files.get(path);
  files.delete(path);
  if (fd !== undefined) fs.closeSync(fd);
}
