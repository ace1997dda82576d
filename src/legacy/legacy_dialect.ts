/**
 * The legacy dialect: the subset of the protocol that the program before Shoal speaks. One connection
 * for each request; one line of JSON goes out, one comes back, neither has an `id`.
 *
 * | to        | request        | reply                    |
 * | --------- | -------------- | ------------------------ |
 * | bootstrap | `register`     | `status`: `registered`   |
 * | bootstrap | `get_peers`    | `peers`                  |
 * | peer      | `file_request` | `file_info`, or `error`  |
 * | peer      | `get_chunk`    | `chunk_data`, or `error` |
 */
import * as v from "valibot";
import { Fault, messageOf } from "../fault.ts";
import { awakeClock } from "../async/clock.ts";
import { deadline } from "../async/deadline.ts";
import { decodePayload } from "../wire/codec.ts";
import { type Address, Connection, formatAddress } from "../wire/connection.ts";
import { CHUNK_SIZE, FileId, HANDSHAKE_MS, Host, Name, Port, TEXT_CAP } from "../wire/protocol.ts";

/** Most bytes in a reply: the digests of a file of 15 GiB, at 68 bytes for each chunk. */
export const LEGACY_LINE_CAP = 16 << 20;
/** Most bytes in any other reply: a list of 20,000 peers takes 1 MiB. */
const SHORT_LINE_CAP = 2 << 20;

const number = v.pipe(v.number(), v.integer(), v.minValue(0));
const text = v.pipe(v.string(), v.transform((s) => s.slice(0, TEXT_CAP)));

/** The address is the peer's own guess; the bootstrap lists the one that it sees. */
export const LegacyRegister = v.object({
  action: v.literal("register"),
  address: v.optional(v.unknown()),
  port: Port,
});
export const LegacyRegistered = v.object({ status: v.literal("registered") });

export const LegacyGetPeers = v.object({ action: v.literal("get_peers") });
const LegacyPeer = v.object({ address: Host, port: Port });
export type LegacyPeer = v.InferOutput<typeof LegacyPeer>;
/**
 * A legacy bootstrap lists whatever it was told, so entries that are no address are left out. Only
 * Shoal's own bootstraps say their `agent`.
 */
export const LegacyPeers = v.object({
  agent: v.optional(text),
  peers: v.pipe(
    v.array(v.unknown()),
    v.transform((list) =>
      list.map((entry) => v.safeParse(LegacyPeer, entry))
        .filter((parsed) => parsed.success)
        .map(({ output }) => output as LegacyPeer)
    ),
  ),
});

export const LegacyFileRequest = v.object({ action: v.literal("file_request"), filename: Name });
/** `chunk_hashes` has `num_chunks` entries: the SHA-256 of each chunk, in hex. */
export const LegacyFileInfo = v.pipe(
  v.object({
    action: v.literal("file_info"),
    filename: v.string(),
    chunk_size: v.literal(CHUNK_SIZE),
    num_chunks: number,
    chunk_hashes: v.array(FileId),
  }),
  v.check((info) => info.chunk_hashes.length === info.num_chunks, "num_chunks is not that number"),
);

export const LegacyGetChunk = v.object({
  action: v.literal("get_chunk"),
  filename: Name,
  chunk_index: number,
});
/** `data` is the chunk in base64. */
export const LegacyChunkData = v.object({
  action: v.literal("chunk_data"),
  filename: v.string(),
  chunk_index: number,
  data: v.pipe(v.string(), v.maxLength(Math.ceil(CHUNK_SIZE / 3) * 4)),
});

export const LegacyError = v.object({ action: v.literal("error"), message: text });

export interface LegacyAskOptions {
  /** Time for all of it, in milliseconds. @default HANDSHAKE_MS */
  ms?: number;
  /** Most bytes in the reply. @default SHORT_LINE_CAP */
  lineCap?: number;
  signal?: AbortSignal;
}

/**
 * Connects, sends one request, reads one reply, which must fit `reply`, and closes. A request
 * that depends on the addresses of the two ends is a function of them. Throws a `network` Fault that says what failed,
 * or the signal's own reason.
 */
export async function askLegacy<S extends v.GenericSchema>(
  address: Address,
  request: object | ((local: Address, remote: Address) => object),
  reply: S,
  { ms = HANDSHAKE_MS, lineCap = SHORT_LINE_CAP, signal }: LegacyAskOptions = {},
): Promise<v.InferOutput<S>> {
  const started = awakeClock.now();
  const other = formatAddress(address);
  using connection = await Connection.open(address, { ms, lineCap, progressMs: ms, signal });
  const late = new Fault("network", `${other} did not answer within ${ms / 1000} s`);
  const left = ms - (awakeClock.now() - started);
  using _timer = deadline(left, () => connection.close(late));
  const abort = () => connection.close();
  signal?.addEventListener("abort", abort);
  try {
    const message = typeof request === "function"
      ? request(connection.local, connection.remote)
      : request;
    await connection.sendBytes(new TextEncoder().encode(JSON.stringify(message) + "\n"));
    const line = await connection.readLine();
    if (!line) throw new Fault("network", `${other} closed the connection without an answer`);
    return decodeReply(reply, line, other);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

function decodeReply<S extends v.GenericSchema>(schema: S, line: Uint8Array, other: string) {
  try {
    return decodePayload(schema, line);
  } catch (cause) {
    throw new Fault("network", `${other} sent a ${messageOf(cause)}`, { cause });
  }
}
