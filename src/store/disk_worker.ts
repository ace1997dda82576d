/**
 * The thread that verifies what arrives and writes what is right. It hashes with the calling thread's
 * own SHA-256, because here nothing else waits; WebCrypto would copy each chunk and hand it to yet
 * another thread, for a third more processor time.
 */
import { hash } from "node:crypto";
import fs from "node:fs";
import { badChunks, goodStretches } from "../content/bad_chunks.ts";
import { CHUNK_SIZE, DIGEST_SIZE } from "../content/sizes.ts";
import type { DiskReply, DiskRequest } from "./disk.ts";
import { READ_WRITE } from "./open_flags.ts";
import { writeFully } from "./write_fully.ts";

/** What a worker's global scope is; the runtime's versions differ in what they declare. */
const scope = self as unknown as {
  onmessage: (event: { data: DiskRequest }) => void;
  postMessage(reply: DiskReply, transfer: ArrayBuffer[]): void;
};

const files = new Map<string, number>();
/** What is read to be checked, or copied. */
let checked = new Uint8Array();

scope.onmessage = ({ data }) => {
  const reply: DiskReply = { job: data.job };
  try {
    if (data.kind === "close") close(data.path);
    else if (data.kind === "store") reply.bad = store(data);
    else reply.bad = data.kind === "copy" ? copy(data) : check(data);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    reply.error = { code, message };
  }
  if (data.kind !== "store") return scope.postMessage(reply, []);
  reply.buffer = data.buffer;
  scope.postMessage(reply, [data.buffer]);
};

function store({ path, position, buffer, length, expected }: DiskRequest & { kind: "store" }) {
  const payload = new Uint8Array(buffer, 0, length);
  const bad = badChunks(digestsOf(payload), expected);
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

/** Reads a part of a file into {@link checked}; which of its chunks are wrong, or not there. */
function badAfterReading(
  fd: number,
  position: number,
  { length, expected }: { length: number; expected: Uint8Array },
): number[] {
  if (checked.length < length) checked = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const n = fs.readSync(fd, checked, filled, length - filled, position + filled);
    if (n === 0) break;
    filled += n;
  }
  const bad = badChunks(digestsOf(checked.subarray(0, filled)), expected);
  // The file may have been cut off since.
  const chunks = Math.ceil(length / CHUNK_SIZE);
  for (let chunk = Math.ceil(filled / CHUNK_SIZE); chunk < chunks; chunk++) bad.push(chunk);
  return bad;
}

function digestsOf(payload: Uint8Array): Uint8Array {
  const digests = new Uint8Array(Math.ceil(payload.length / CHUNK_SIZE) * DIGEST_SIZE);
  for (let index = 0; index * CHUNK_SIZE < payload.length; index++) {
    const chunk = payload.subarray(index * CHUNK_SIZE, (index + 1) * CHUNK_SIZE);
    digests.set(hash("sha256", chunk, "buffer"), index * DIGEST_SIZE);
  }
  return digests;
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
