/**
 * A thread that hashes what is on disk, verifies what arrives and writes what is right. It hashes with
 * the calling thread's own SHA-256, because here nothing else waits; WebCrypto would copy each chunk and
 * hand it to yet another thread, for a third more processor time.
 */
import fs from "node:fs";
import { badChunks, goodStretches } from "../../content/bad_chunks.ts";
import { CHUNK_SIZE, DIGEST_SIZE } from "../../content/sizes.ts";
import { chunkDigests } from "../../content/sync_digest.ts";
import type { DiskReply, DiskRequest, Numbered } from "./disk_jobs.ts";
import { sameStamp, stampOf } from "./file_stamp.ts";
import { READ_WRITE } from "./open_flags.ts";
import { readFully } from "./read_fully.ts";
import { writeFully } from "./write_fully.ts";
import { holesAmong, ZERO_DIGEST } from "./zero_chunks.ts";
import { openRegularFile } from "../../system/open_regular.ts";

/** Bytes that are read at a time, and then hashed while they are in the processor's cache. */
const BLOCK_SIZE = 4 * CHUNK_SIZE;
/**
 * Bytes that are hashed before garbage is collected. What each hash leaves behind lies outside of V8's
 * heap, which so sees no reason to collect it: about 5 MB by then. To collect takes some 10 ms.
 */
const COLLECT_BYTES = 2 * 2 ** 30;

/** The global scope of a worker; the runtime's versions differ in what they declare. */
const scope = self as unknown as {
  onmessage: (event: { data: Numbered<DiskRequest> }) => void;
  postMessage(reply: Numbered<DiskReply>, transfer: ArrayBuffer[]): void;
};

/** Files that are written or held, by their paths. */
const files = new Map<string, number>();
/** Bytes hashed since garbage was collected. */
let hashed = 0;
/** The buffer for bytes to be hashed. */
const block = new Uint8Array(BLOCK_SIZE);

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
  if (hashed >= COLLECT_BYTES) collect();
};

/** V8's own collector is there with `--expose-gc`. */
function collect(): void {
  hashed = 0;
  const { gc } = globalThis as { gc?: (options: Record<string, string>) => void };
  gc?.({ type: "major", execution: "sync" });
}

function answer(request: DiskRequest): DiskReply {
  switch (request.kind) {
    case "store": {
      const { path, position, buffer, length, expected } = request;
      const bytes = new Uint8Array(buffer, 0, length);
      return { bad: keep(bytes, { expected, into: { path, position } }).bad };
    }
    case "check":
      return { bad: check(request) };
    case "copy":
      return { bad: copy(request) };
    case "hash":
      return hash(request);
    case "clear":
      clear(request);
      return {};
    case "hold":
      hold(request.path);
      return {};
    case "close":
      close(request.path);
      return {};
  }
}

function check({ path, position, length, expected }: DiskRequest & { kind: "check" }) {
  return read(opened(path), position, { length, expected }).bad;
}

function copy({ path, position, length, expected, from }: DiskRequest & { kind: "copy" }) {
  let fd: number;
  try {
    fd = openRegularFile(from.path, { follow: true });
  } catch {
    return Array.from({ length: Math.ceil(length / CHUNK_SIZE) }, (_, chunk) => chunk);
  }
  try {
    return read(fd, from.position, { length, expected, into: { path, position } }).bad;
  } finally {
    fs.closeSync(fd);
  }
}

function hash(
  { path, position, length, stamp, follow, into }: DiskRequest & { kind: "hash" },
): DiskReply {
  const fd = openRegularFile(path, { follow });
  try {
    if (!sameStamp(stampOf(fd), stamp)) return {};
    const part = into ? { expected: into.expected, into: { path: into.path, position } } : {};
    const { filled, digests, bad } = read(fd, position, { length, ...part });
    return filled < length ? {} : { digests, bad: into && bad };
  } finally {
    fs.closeSync(fd);
  }
}

/** The expected digests of chunks, and the place of the right ones. */
interface Judged {
  expected?: Uint8Array;
  into?: { path: string; position: number };
}

/** As {@link keep}, for a part of a file, of which `filled` bytes are there; the rest is bad. */
function read(
  fd: number,
  position: number,
  { length, expected, into }: Judged & { length: number },
) {
  const chunks = Math.ceil(length / CHUNK_SIZE);
  const digests = new Uint8Array(chunks * DIGEST_SIZE);
  const bad: number[] = [];
  let filled = 0;
  while (filled < length) {
    const wanted = Math.min(BLOCK_SIZE, length - filled);
    const n = readFully(fd, block.subarray(0, wanted), position + filled);
    const first = filled / CHUNK_SIZE;
    const kept = keep(block.subarray(0, n), {
      expected: expected?.subarray(first * DIGEST_SIZE),
      into: into && { ...into, position: into.position + filled },
    });
    digests.set(kept.digests, first * DIGEST_SIZE);
    bad.push(...kept.bad.map((chunk) => first + chunk));
    filled += n;
    if (n < wanted) break;
  }
  // The file may have been cut off since.
  for (let chunk = Math.ceil(filled / CHUNK_SIZE); chunk < chunks; chunk++) bad.push(chunk);
  return { filled, digests, bad };
}

/** Hashes chunks, and writes those that are right; `bad` are the numbers, from 0, of the others. */
function keep(bytes: Uint8Array, { expected, into }: Judged) {
  const digests = chunkDigests(bytes);
  hashed += bytes.length;
  const bad = expected ? badChunks(digests, expected) : [];
  if (into) {
    const fd = () => opened(into.path);
    const holes = holesAmong(digests, (part, at) => readFully(fd(), part, into.position + at));
    const skipped = holes.length > 0 ? [...bad, ...holes].sort((a, b) => a - b) : bad;
    for (const [from, to] of goodStretches(bytes.length, skipped, CHUNK_SIZE)) {
      writeFully(fd(), bytes.subarray(from, to), into.position + from);
    }
  }
  return { digests, bad };
}

/** Makes a part of a file zeros, where it is not. */
function clear({ path, position, length }: DiskRequest & { kind: "clear" }): void {
  const fd = opened(path);
  const zeros = new Uint8Array(CHUNK_SIZE);
  for (let at = position; at < position + length; at += CHUNK_SIZE) {
    const [hole] = holesAmong(ZERO_DIGEST, (part, from) => readFully(fd, part, at + from));
    if (hole === undefined) writeFully(fd, zeros, at);
  }
}

function opened(path: string): number {
  let fd = files.get(path);
  if (fd === undefined) files.set(path, fd = fs.openSync(path, READ_WRITE));
  return fd;
}

/** Holds a file open, if it can be opened. */
function hold(path: string): void {
  try {
    files.set(path, openRegularFile(path));
  } catch {
    // There may be nothing.
  }
}

function close(path: string): void {
  const fd = files.get(path);
  files.delete(path);
  if (fd !== undefined) fs.closeSync(fd);
}
