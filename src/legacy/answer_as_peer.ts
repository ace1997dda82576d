import * as v from "valibot";
import { treeShape } from "../content/hash_tree.ts";
import { toHex } from "../content/hex.ts";
import type { Message } from "../wire/codec.ts";
import type { Connection } from "../wire/connection.ts";
import { groupOf } from "../wire/ip_address.ts";
import { CHUNK_SIZE, DIGEST_SIZE, IDLE_MS } from "../wire/protocol.ts";
import { LEGACY_LINE_CAP, LegacyFileRequest, LegacyGetChunk } from "./legacy_dialect.ts";

const LegacyPeerRequest = v.variant("action", [LegacyFileRequest, LegacyGetChunk]);

const encoder = new TextEncoder();

/** Bytes of a `file_info` line for each chunk: a digest in hex, quotes and a comma. */
const LINE_PER_CHUNK = 2 * DIGEST_SIZE + 3;

/** A content that was looked up. */
interface Sized {
  content: { size: number };
}

/** The contents that legacy peers can be sent, and the size of a read. */
interface LegacyUploads<C extends Sized = Sized> {
  contents: {
    /** The content shared under a name. */
    named(name: string): C | undefined;
    /** A block of its hash tree. Throws where there is none. */
    block(content: C, level: number, block: number): Uint8Array;
    /** Fills `into` from the content. Throws when it is no longer what it was. */
    read(
      content: C,
      position: number,
      into: Uint8Array,
      receiver: { to: string },
    ): void | Promise<void>;
  };
  slots: { take(host: string, signal: AbortSignal): Promise<Disposable> };
}

/**
 * Answers a legacy peer. It sends one line and reads one on each connection; more than one are answered
 * as well.
 */
export async function answerAsPeer<C extends Sized>(
  connection: Connection,
  first: Message,
  { contents, slots }: LegacyUploads<C>,
): Promise<void> {
  for (let message: Message | null = first; message; message = await connection.read(IDLE_MS)) {
    const { host } = connection.remote;
    using _slot = await slots.take(groupOf(host) ?? host, connection.closing);
    for await (const part of answerTo(message, String(connection), contents)) {
      await connection.sendBytes(part);
    }
  }
}

/** The reply's line, in parts: the list of digests is as long as the file has chunks. */
async function* answerTo<C extends Sized>(
  message: Message,
  to: string,
  contents: LegacyUploads<C>["contents"],
): AsyncGenerator<Uint8Array> {
  const parsed = v.safeParse(LegacyPeerRequest, message);
  if (!parsed.success) return yield* failure("Unknown action");
  const request = parsed.output;
  const found = contents.named(request.filename);
  if (!found) return yield* failure("File not found");
  const { size } = found.content;
  const { chunks, levels } = treeShape(size);
  try {
    if (request.action === "file_request") {
      if (chunks * LINE_PER_CHUNK + CHUNK_SIZE > LEGACY_LINE_CAP) {
        return yield* failure("File is too large for this dialect");
      }
      const head = { action: "file_info", filename: request.filename, chunk_size: CHUNK_SIZE };
      const opening = JSON.stringify({ ...head, num_chunks: chunks, chunk_hashes: [] });
      yield encoder.encode(opening.slice(0, -2));
      for (let block = 0; block < levels[0].blocks; block++) {
        yield hashList(contents.block(found, 0, block), block > 0);
      }
      return yield encoder.encode("]}\n");
    }
    const { filename, chunk_index } = request;
    if (chunk_index >= chunks) return yield* failure("Invalid chunk index");
    const position = chunk_index * CHUNK_SIZE;
    const bytes = new Uint8Array(Math.min(CHUNK_SIZE, size - position));
    await contents.read(found, position, bytes, { to });
    const data = bytes.toBase64();
    yield encoder.encode(
      JSON.stringify({ action: "chunk_data", filename, chunk_index, data }) + "\n",
    );
  } catch {
    yield* failure("File not found");
  }
}

function hashList(digests: Uint8Array, continued: boolean): Uint8Array {
  const hashes: string[] = [];
  for (let at = 0; at < digests.length; at += DIGEST_SIZE) {
    hashes.push(`"${toHex(digests.subarray(at, at + DIGEST_SIZE))}"`);
  }
  return encoder.encode((continued ? "," : "") + hashes.join(","));
}

function* failure(message: string): Generator<Uint8Array> {
  yield encoder.encode(JSON.stringify({ action: "error", message }) + "\n");
}
