/**
 * Lines of JSON, to bytes and back. A message is encoded with its payload into one contiguous array,
 * because a header and a body in two writes cost a delayed acknowledgement (about 40 ms) each time.
 */
import * as v from "valibot";
import { Fault, messageOf } from "../fault.ts";
import { Envelope, LINE_CAP, PAYLOAD_CAP } from "./protocol.ts";

/** A message as it is read: the fields every one has, and the rest as yet unchecked. */
export type Message = v.InferOutput<typeof Envelope>;

/** A message to be sent, without `payload`, which the encoder adds. */
export type Outgoing = { action: string; id?: number } & Record<string, unknown>;

const encoder = new TextEncoder();
/** A byte order mark is no part of JSON (RFC 8259, section 8.1), so it is not passed over. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The line for a message, newline included. Throws a RangeError above {@link LINE_CAP} bytes. */
export function encodeLine(message: Record<string, unknown>): Uint8Array<ArrayBuffer> {
  const line = encoder.encode(JSON.stringify(message) + "\n");
  if (line.length > LINE_CAP) {
    throw new RangeError(`Cannot send ${message.action}: its line has ${line.length} bytes`);
  }
  return line;
}

/** A message and its payload as one array. Throws a RangeError above {@link PAYLOAD_CAP}. */
export function encodeMessage(message: Outgoing, payload?: Uint8Array): Uint8Array<ArrayBuffer> {
  if (!payload) return encodeLine(message);
  checkPayload(payload.length);
  const line = encodeLine({ ...message, payload: payload.length });
  const bytes = new Uint8Array(line.length + payload.length);
  bytes.set(line);
  bytes.set(payload, line.length);
  return bytes;
}

/**
 * A reusable buffer whose payload area is filled in place, with room before it for the header, so
 * that a piece goes from disk to socket without being copied.
 */
export class Frame {
  /** The payload's area: as many bytes as the frame was made for. */
  readonly body: Uint8Array<ArrayBuffer>;
  readonly #buffer: Uint8Array<ArrayBuffer>;
  readonly #headroom: number;

  /** `headroom`: bytes for the header. */
  constructor(capacity: number, headroom = 512) {
    checkPayload(capacity);
    this.#headroom = headroom;
    this.#buffer = new Uint8Array(headroom + capacity);
    this.body = this.#buffer.subarray(headroom);
  }

  /** The message and the first `length` bytes of {@link body}, contiguous; valid until reused. */
  seal(message: Outgoing, length: number): Uint8Array<ArrayBuffer> {
    const line = encodeLine({ ...message, payload: length });
    const start = this.#headroom - line.length;
    if (start < 0) throw new RangeError(`Cannot send ${message.action}: its header is too long`);
    this.#buffer.set(line, start);
    return this.#buffer.subarray(start, this.#headroom + length);
  }
}

/**
 * The message on a line (without its newline). Throws a Fault that says what is wrong with it. The
 * fields of its action are still to be checked, with {@link parseAs}.
 */
export function decodeLine(line: Uint8Array): Message {
  return parseAs(Envelope, parseJson(line), "message");
}

/** A payload that is JSON, checked against its schema. */
export function decodePayload<S extends v.GenericSchema>(
  schema: S,
  bytes: Uint8Array,
): v.InferOutput<S> {
  return parseAs(schema, parseJson(bytes), "payload");
}

/** `value` as the schema's type, or a Fault that names the first field that is wrong. */
export function parseAs<S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  what: string,
): v.InferOutput<S> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (!result.success) {
    const issue = result.issues[0];
    const path = v.getDotPath(issue);
    // It repeats what was sent, which may have lines.
    const why = messageOf(issue.message).slice(0, 120);
    throw new Fault(
      "network",
      `malformed ${what}: ${path ? `${path.slice(0, 60)}: ` : ""}${why}`,
    );
  }
  return result.output;
}

function checkPayload(length: number): void {
  if (length > PAYLOAD_CAP) throw new RangeError(`Cannot send ${length} bytes as one payload`);
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch (cause) {
    throw new Fault("network", `malformed message: ${messageOf(cause).slice(0, 80)}`, { cause });
  }
}
