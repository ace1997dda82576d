/**
 * The answering end of a connection: reads requests one by one, checks them, and sends each reply
 * before it reads the next, so that a caller who doesn't read is never buffered for.
 */
import * as v from "valibot";
import { Fault, messageOf } from "../fault.ts";
import { type Message, type Outgoing, parseAs } from "./codec.ts";
import type { Connection } from "./connection.ts";
import { type ErrorCode, HANDSHAKE_MS, IDLE_MS, PROTOCOL_VERSION } from "./protocol.ts";

/** Thrown by a handler to answer `error`; the connection lives on, except after `bad_message`. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A reply: a message with an optional payload, or bytes that already are both. */
export type Response = { message: Outgoing; payload?: Uint8Array } | Uint8Array;

export interface Handlers<R extends { action: string; id: number }> {
  /** What requests may look like: a valibot variant on `action`. */
  requests: v.GenericSchema<unknown, R>;
  /** Answers a request. May throw {@link Refused}. `hello` comes here too, already checked. */
  answer(request: R, payload: Uint8Array): Promise<Response> | Response;
  /** Takes over a connection whose first message has no `id`: the seed's dialect. */
  seed(message: Message): Promise<void>;
  /** True for a request after whose reply the connection ends. */
  last?(request: R): boolean;
}

/** Actions that may carry a payload; another's is refused before anything is read. */
const WITH_PAYLOAD = new Set(["announce", "withdraw"]);

/**
 * Serves a connection until either end closes it. Resolves when it is over; throws a Fault that says
 * why when the other end broke the rules or went silent. Closing is the caller's.
 */
export async function answer<R extends { action: string; id: number }>(
  connection: Connection,
  handlers: Handlers<R>,
): Promise<void> {
  let greeted = false;
  for (;;) {
    const message = await readRequest(connection, greeted ? IDLE_MS : HANDSHAKE_MS);
    if (!message) return;
    if (message.id === undefined) {
      if (!greeted) return await handlers.seed(message);
      return await reject(connection, undefined, "bad_message", "a request needs an id");
    }
    if (!greeted && message.action !== "hello") {
      return await reject(connection, message.id, "bad_message", "say hello first");
    }
    if (message.action === "hello") {
      if (message.protocol !== PROTOCOL_VERSION) {
        const why = `this side speaks protocol ${PROTOCOL_VERSION}`;
        return await reject(connection, message.id, "bad_version", why);
      }
      greeted = true;
    }
    if (message.payload && !WITH_PAYLOAD.has(message.action)) {
      return await reject(connection, message.id, "bad_message", "unexpected payload");
    }
    const payload = new Uint8Array(message.payload ?? 0);
    await connection.readPayload(payload);
    const parsed = v.safeParse(handlers.requests, message, { abortEarly: true });
    if (!parsed.success) {
      const known = !parsed.issues.some((issue) => v.getDotPath(issue) === "action");
      if (!known) {
        await sendError(connection, message.id, "unknown_action", "that action is not known here");
        continue;
      }
      return await reject(connection, message.id, "bad_message", faultOf(handlers, message));
    }
    let response: Response;
    try {
      response = await handlers.answer(parsed.output, payload);
    } catch (error) {
      if (error instanceof Refused) {
        if (error.code === "bad_message") {
          return await reject(connection, message.id, error.code, error.message);
        }
        await sendError(connection, message.id, error.code, error.message);
        continue;
      }
      // A payload that makes no sense is the caller's fault; whatever else fails is this end's.
      const malformed = error instanceof Fault && error.kind === "network";
      await sendError(
        connection,
        message.id,
        malformed ? "bad_message" : "internal",
        malformed ? error.message : "that could not be answered",
      );
      throw error;
    }
    if (response instanceof Uint8Array) await connection.sendBytes(response);
    else await connection.send(response.message, response.payload);
    if (handlers.last?.(parsed.output)) return;
  }
}

async function readRequest(connection: Connection, idleMs: number): Promise<Message | null> {
  try {
    return await connection.read(idleMs);
  } catch (error) {
    // Tell a client that writes by hand what was wrong with its line; the connection ends anyway.
    if (!connection.closed) {
      await sendError(connection, undefined, "bad_message", messageOf(error)).catch(() => {});
    }
    throw error;
  }
}

function faultOf<R>(handlers: { requests: v.GenericSchema<unknown, R> }, message: Message): string {
  try {
    parseAs(handlers.requests, message, message.action);
    return "malformed";
  } catch (error) {
    return messageOf(error);
  }
}

/** Answers `error` and ends the connection. */
async function reject(
  connection: Connection,
  id: number | undefined,
  code: ErrorCode,
  message: string,
): Promise<never> {
  await sendError(connection, id, code, message);
  throw new Fault("network", `${connection}: ${message}`);
}

function sendError(
  connection: Connection,
  id: number | undefined,
  code: ErrorCode,
  message: string,
): Promise<void> {
  return connection.send({ action: "error", id, code, message });
}
