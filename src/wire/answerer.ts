/**
 * The answering end of a connection. A reader takes requests in and checks them, ahead of the reply
 * in progress, so that one can be withdrawn before it is answered; a loop answers them in order.
 * Both are bounded: for a caller that doesn't read, nothing is buffered and nothing is read.
 */
import * as v from "valibot";
import { Fault, messageOf } from "../fault.ts";
import { type Message, type Outgoing, parseAs } from "./codec.ts";
import type { Connection } from "./connection.ts";
import {
  Cancel,
  type ErrorCode,
  HANDSHAKE_MS,
  IDLE_MS,
  PAYLOAD_MS,
  PROTOCOL_VERSION,
} from "./protocol.ts";
import { Condition } from "../async/condition.ts";
import { deadline } from "../async/deadline.ts";

/** Most requests that are read before the first of them is answered, unless told otherwise. */
export const READ_AHEAD = 64;
/** Bytes of their lines after which no more are read: two long requests, or any number of short ones. */
const READ_AHEAD_BYTES = 65_536;

/** Thrown by a handler to answer `error`; the connection lives on, except after `bad_message`. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly code: ErrorCode;
  /** The retry-after, in seconds. */
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, message: string, retryAfter?: number) {
    super(message);
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/**
 * A reply: a message with an optional payload, or bytes that already are both. Bytes may be lent: then
 * `release` is called when they are needed no longer, sent or not.
 */
export type Response =
  | { message: Outgoing; payload?: Uint8Array }
  | { bytes: Uint8Array; release: () => void }
  | Uint8Array;

export interface RequestHandlers<R extends { action: string; id: number }> {
  /** The schema of requests: a valibot variant on `action`. */
  requests: v.GenericSchema<unknown, R>;
  /**
   * Answers a request. May throw {@link Refused}. `hello` comes here too, already checked. `signal`
   * aborts when the caller takes the request back and when the connection is closed.
   */
  answer(request: R, payload: Uint8Array, signal: AbortSignal): Promise<Response> | Response;
  /** Hears of each request as it comes, which may be long before it is answered. */
  seen?(request: R): void;
  /** Takes over a connection whose first message has no `id`: the legacy dialect. */
  legacy(message: Message): Promise<void>;
  /**
   * Asked before room is made for a payload: gives what to call when it isn't needed any more, or
   * throws {@link Refused}, and then the payload is passed over. Default: all are taken.
   */
  admit?(action: string, bytes: number): Promise<() => void>;
  /**
   * Counts a message that {@link answer} doesn't hear of: an unknown action, or a notice. Throws
   * {@link Refused} when that is too much.
   */
  count?(): Promise<void>;
  /** Most requests that are read before the first of them is answered. @default READ_AHEAD */
  readAhead?: number;
  /** True for a request after whose reply no other is read: whatever follows is not a message. */
  last?(request: R): boolean;
  /**
   * Takes over a connection whose first message is neither `hello` nor the legacy dialect; resolves
   * when it is over. Undefined for a message that it knows nothing of.
   */
  takeOver?(message: Message): Promise<void> | undefined;
}

/** Actions that may carry a payload; another's is refused before anything is read. */
const WITH_PAYLOAD = new Set(["announce", "withdraw"]);

/**
 * Serves a connection until either end closes it. Resolves when it is over; throws a Fault that says
 * why when the other end broke the rules or went silent. Closing is the caller's.
 */
export async function answer<R extends { action: string; id: number }>(
  connection: Connection,
  handlers: RequestHandlers<R>,
): Promise<void> {
  await new Answerer(connection, handlers).run();
}

/** An entry that the reader leaves to the answering loop, in the order of arrival. */
type Entry<R> =
  | {
    kind: "request";
    id: number;
    request: R;
    payload: Uint8Array;
    cancel: AbortController;
    /** Gives the room for the payload back. */
    release: () => void;
    /** Length of its line. */
    bytes: number;
  }
  | {
    kind: "refusal";
    id: number | undefined;
    code: ErrorCode;
    message: string;
    retryAfter?: number;
    error?: unknown;
  }
  | { kind: "failure"; error: unknown }
  | { kind: "end" };

const NOTHING = new Uint8Array();
/** Most bytes of a payload that is passed over which are held at a time. */
const SKIPPED = 65_536;

class Answerer<R extends { action: string; id: number }> {
  readonly #connection: Connection;
  readonly #handlers: RequestHandlers<R>;
  /** The first is the one being answered. */
  readonly #queue: Entry<R>[] = [];
  /** Wakes the reader and the loop when the queue has changed. */
  readonly #changed = new Condition();

  constructor(connection: Connection, handlers: RequestHandlers<R>) {
    this.#connection = connection;
    this.#handlers = handlers;
  }

  async run(): Promise<void> {
    const { closing } = this.#connection;
    const abort = () => {
      const [current] = this.#queue;
      if (current?.kind === "request") current.cancel.abort(closing.reason);
      this.#wake();
    };
    closing.addEventListener("abort", abort);
    try {
      if (!await this.#begin()) return;
      void this.#readAhead();
      await this.#answerAll();
    } finally {
      closing.removeEventListener("abort", abort);
      for (const entry of this.#queue.splice(0)) if (entry.kind === "request") entry.release();
    }
  }

  /**
   * False when the connection is over after its first message. A function of its own, so that the
   * message, which may be long, isn't kept for as long as the connection lives.
   */
  async #begin(): Promise<boolean> {
    const message = await this.#readFirst();
    if (!message) return false;
    const taken = this.#handlers.takeOver?.(message);
    if (taken) {
      await taken;
      return false;
    }
    if (message.id !== undefined || this.#connection.transport.secured) {
      return await this.#answerFirst(message);
    }
    await this.#handlers.legacy(message);
    return false;
  }

  /** The first message, or null when there is none. */
  async #readFirst(): Promise<Message | null> {
    try {
      return await this.#connection.read(HANDSHAKE_MS);
    } catch (error) {
      // Tell a client that writes by hand what was wrong with its line; the connection ends anyway.
      if (!this.#connection.closed) {
        await this.#sendError(undefined, "bad_message", messageOf(error)).catch(() => {});
      }
      throw error;
    }
  }

  /** Nothing is read ahead before the first request is known to be a `hello` that is understood. */
  async #answerFirst(message: Message): Promise<boolean> {
    const { id, action } = message;
    const entry: Entry<R> = action === "hello" && id !== undefined
      ? await this.#take(message, id)
      : { kind: "refusal", id, code: "bad_message", message: "say hello first" };
    this.#queue.push(entry);
    const more = await this.#answerOne(entry);
    this.#queue.shift();
    return more;
  }

  /** Reads until the caller ends the connection or breaks the rules. Leaves how it ended in the queue. */
  async #readAhead(): Promise<void> {
    const { readAhead = READ_AHEAD } = this.#handlers;
    try {
      for (;;) {
        // What is being answered is no idling, however long the answer takes to be sent.
        const idle = this.#queue.length === 0;
        const message = await this.#connection.read(idle ? IDLE_MS : Infinity);
        if (!message) return this.#push({ kind: "end" });
        if (message.id === undefined) {
          if (!this.#isCancelled(message)) {
            const why = "a request needs an id";
            return this.#push({
              kind: "refusal",
              id: undefined,
              code: "bad_message",
              message: why,
            });
          }
          // One that is too many is passed over like all others, only later.
          await this.#handlers.count?.().catch((error) => {
            if (!(error instanceof Refused)) throw error;
          });
          continue;
        }
        const entry = await this.#take(message, message.id);
        this.#push(entry);
        if (endsConnection(entry)) return;
        if (entry.kind === "request" && this.#handlers.last?.(entry.request)) return;
        while (this.#queue.length >= readAhead || this.#queuedBytes >= READ_AHEAD_BYTES) {
          await this.#changed.wait();
        }
      }
    } catch (error) {
      const code = "bad_message";
      this.#push(
        this.#connection.closed
          ? { kind: "failure", error }
          : { kind: "refusal", id: undefined, code, message: messageOf(error), error },
      );
    }
  }

  /** Bytes of the lines of the requests that wait. */
  get #queuedBytes(): number {
    let bytes = 0;
    for (const entry of this.#queue) if (entry.kind === "request") bytes += entry.bytes;
    return bytes;
  }

  /** Checks a message, and reads its payload: then nothing else may be waiting to be answered. */
  async #take(message: Message, id: number): Promise<Entry<R>> {
    const refusal = (code: ErrorCode, message: string, retryAfter?: number): Entry<R> => (
      { kind: "refusal", id, code, message, retryAfter }
    );
    if (message.action === "hello" && message.protocol !== PROTOCOL_VERSION) {
      return refusal("bad_version", `this side speaks protocol ${PROTOCOL_VERSION}`);
    }
    const bytes = this.#connection.lineBytes;
    let payload = NOTHING;
    let release = () => {};
    if (message.payload) {
      if (!WITH_PAYLOAD.has(message.action)) return refusal("bad_message", "unexpected payload");
      while (this.#queue.length > 0 && !this.#connection.closed) await this.#changed.wait();
      try {
        release = await this.#handlers.admit?.(message.action, message.payload) ?? release;
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        await this.#inTime(this.#passOver(message.payload));
        return refusal(error.code, error.message, error.retryAfter);
      }
      payload = new Uint8Array(message.payload);
      try {
        await this.#inTime(this.#connection.readPayload(payload));
      } catch (error) {
        release();
        throw error;
      }
    }
    const parsed = v.safeParse(this.#handlers.requests, message, { abortEarly: true });
    if (parsed.success) {
      const cancel = new AbortController();
      this.#handlers.seen?.(parsed.output);
      return { kind: "request", id, request: parsed.output, payload, cancel, release, bytes };
    }
    release();
    const known = !parsed.issues.some((issue) => v.getDotPath(issue) === "action");
    if (known) return refusal("bad_message", faultOf(this.#handlers, message));
    try {
      await this.#handlers.count?.();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return refusal(error.code, error.message, error.retryAfter);
    }
    return refusal("unknown_action", "that action is not known here");
  }

  /** Waits for a payload, whose sender may be slow, but not for ever. */
  async #inTime(reading: Promise<void>): Promise<void> {
    const connection = this.#connection;
    const late = new Fault("network", `${connection} took too long for a payload`);
    using _timer = deadline(PAYLOAD_MS, () => connection.close(late));
    await reading;
  }

  async #passOver(bytes: number): Promise<void> {
    const scratch = new Uint8Array(Math.min(bytes, SKIPPED));
    for (let left = bytes; left > 0; left -= scratch.length) {
      await this.#connection.readPayload(scratch.subarray(0, left));
    }
  }

  /** Takes a request back that was not answered yet; false when the notice asks for no such thing. */
  #isCancelled(notice: Message): boolean {
    const parsed = v.safeParse(Cancel, notice);
    if (!parsed.success || notice.payload) return false;
    for (const entry of this.#queue) {
      if (entry.kind === "request" && entry.id === parsed.output.request) {
        entry.cancel.abort(new Refused("cancelled", "the request was taken back"));
      }
    }
    return true;
  }

  async #answerAll(): Promise<void> {
    for (;;) {
      let entry;
      while (!(entry = this.#queue[0])) await this.#changed.wait();
      if (!await this.#answerOne(entry)) return;
      this.#queue.shift();
      if (this.#queue.length === 0) this.#connection.hasten(IDLE_MS);
      this.#wake();
    }
  }

  /** False when the connection is over. Throws when it is, and shouldn't be. */
  async #answerOne(entry: Entry<R>): Promise<boolean> {
    switch (entry.kind) {
      case "end":
        return false;
      case "failure":
        throw entry.error;
      case "refusal": {
        const { id, code, message, retryAfter, error } = entry;
        // The other end may be gone; the rule that it broke tells more than that.
        const sent = this.#sendError(id, code, message, retryAfter);
        if (!endsConnection(entry)) return await sent.then(() => true);
        await (error ? sent.catch(() => {}) : sent);
        throw error ?? new Fault("network", `${this.#connection}: ${message}`);
      }
      case "request":
        await this.#answerRequest(entry).finally(entry.release);
        return !this.#handlers.last?.(entry.request);
    }
  }

  async #answerRequest(
    { id, request, payload, cancel: { signal } }: Extract<Entry<R>, { kind: "request" }>,
  ): Promise<void> {
    let response: Response;
    try {
      signal.throwIfAborted();
      response = await this.#handlers.answer(request, payload, signal);
    } catch (error) {
      if (error instanceof Refused) {
        await this.#sendError(id, error.code, error.message, error.retryAfter);
        if (error.code !== "bad_message") return;
        throw new Fault("network", `${this.#connection}: ${error.message}`);
      }
      const { closed, closing } = this.#connection;
      if (closed) throw closing.reason;
      // A payload that makes no sense is the caller's fault; whatever else fails is this end's.
      const malformed = error instanceof Fault && error.kind === "network";
      await this.#sendError(
        id,
        malformed ? "bad_message" : "internal",
        malformed ? error.message : "that could not be answered",
      );
      throw error;
    }
    if (response instanceof Uint8Array) await this.#connection.sendBytes(response);
    else if ("message" in response) {
      await this.#connection.send(response.message, response.payload);
    } else {
      try {
        await this.#connection.sendBytes(response.bytes);
      } finally {
        response.release();
      }
    }
  }

  #push(entry: Entry<R>): void {
    this.#queue.push(entry);
    this.#wake();
  }

  #wake(): void {
    this.#changed.notifyAll();
  }

  #sendError(
    id: number | undefined,
    code: ErrorCode,
    message: string,
    retry_after?: number,
  ): Promise<void> {
    return this.#connection.send({ action: "error", id, code, message, retry_after });
  }
}

/** True for what nothing more is answered after. */
function endsConnection<R>(entry: Entry<R>): boolean {
  if (entry.kind !== "refusal") return entry.kind !== "request";
  return entry.code === "bad_message" || entry.code === "bad_version";
}

function faultOf<R>(handlers: { requests: v.GenericSchema<unknown, R> }, message: Message): string {
  try {
    parseAs(handlers.requests, message, message.action);
    return "malformed";
  } catch (error) {
    return messageOf(error);
  }
}
