import * as v from "valibot";
import { toHex } from "../../content/hex.ts";
import { treeShape } from "../../content/hash_tree.ts";
import type { Message } from "../../wire/codec.ts";
import type { Connection } from "../../wire/connection.ts";
import { CHUNK_SIZE, DIGEST_SIZE, IDLE_MS } from "../../wire/protocol.ts";
import { LegacyFileRequest, LegacyGetChunk, SEED_LINE_CAP } from "../../wire/legacy_dialect.ts";
import type { ServedContents } from "./served_contents.ts";
import type { UploadSlots } from "./upload_slots.ts";
import { groupOf } from "../../wire/ip_address.ts";

const LegacyPeerRequest = v.variant("action", [LegacyFileRequest, LegacyGetChunk]);

const encoder = new TextEncoder();

/** Bytes of a `file_info` line for each chunk: a digest in hex, quotes and a comma. */
const LINE_PER_CHUNK = 2 * DIGEST_SIZE + 3;

/**
 * Answers peers that speak the seed's dialect. They send one line and read one on each connection;
 * more than one are answered as well.
 */
export async function answerLegacy(
  connection: Connection,
  first: Message,
  { contents, slots }: { contents: ServedContents; slots: UploadSlots },
): Promise<void> {
  for (let message: Message | null = first; message; message = await connection.read(IDLE_MS)) {
    const { host } = connection.remote;
    using _slot = await slots.take(groupOf(host) ?? host, connection.closing);
    for (const piece of answerTo(message, String(connection), contents)) {
      await connection.sendBytes(piece);
    }
  }
}

/** The reply's line, in pieces: the list of digests is as long as the file has chunks. */
function* answerTo(message: Message, to: string, contents: ServedContents): Generator<Uint8Array> {
  const parsed = v.safeParse(LegacyPeerRequest, message);
  if (!parsed.success) return yield* failure("Unknown action");
  const request = parsed.output;
  const content = contents.named(request.filename);
  if (!content) return yield* failure("File not found");
  const { size } = content;
  const { chunks, levels } = treeShape(size);
  try {
    if (request.action === "file_request") {
      if (chunks * LINE_PER_CHUNK + CHUNK_SIZE > SEED_LINE_CAP) {
        return yield* failure("File is too large for this dialect");
      }
      const head = { action: "file_info", filename: request.filename, chunk_size: CHUNK_SIZE };
      const opening = JSON.stringify({ ...head, num_chunks: chunks, chunk_hashes: [] });
      yield encoder.encode(opening.slice(0, -2));
      for (let page = 0; page < levels[0].pages; page++) {
        yield hashList(contents.page(content, 0, page), page > 0);
      }
      return yield encoder.encode("]}\n");
    }
    const { filename, chunk_index } = request;
    if (chunk_index >= chunks) return yield* failure("Invalid chunk index");
    const position = chunk_index * CHUNK_SIZE;
    const bytes = new Uint8Array(Math.min(CHUNK_SIZE, size - position));
    contents.read(content, position, bytes, { to });
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
