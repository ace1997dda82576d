/**
 * The asking end of a connection: requests with many in flight, matched to replies that come in
 * order. Peers and bootstraps are called with it alike.
 */
import * as v from "valibot";
import { Fault } from "../fault.ts";
import { encodeMessage, type Message, type Outgoing, parseAs } from "./codec.ts";
import { type Address, Connection, type ConnectionOptions } from "./connection.ts";
import { ErrorReply, HANDSHAKE_MS, PROTOCOL_VERSION } from "./protocol.ts";
import { awakeClock } from "../async/clock.ts";
import { deadline } from "../async/deadline.ts";

/** The other end answered a request with `error`. `code` is one of protocol.ts's, or unknown. */
export class Refusal extends Fault {
  readonly code: string;
  /** The retry-after in seconds, if the other end sent one. */
  readonly retryAfter: number | undefined;

  constructor(
    other: string,
    { code, message, retry_after }: Pick<
      v.InferOutput<typeof ErrorReply>,
      "code" | "message" | "retry_after"
    >,
  ) {
    const later = retry_after ? `; it asks to come back in ${retry_after} s` : "";
    super("network", `${other} refused: ${message || code}${later}`);
    this.code = code;
    this.retryAfter = retry_after;
  }
}

interface RequestOptions {
  /**
   * The buffer for a payload. Without it one is allocated; a payload that doesn't fit is a fault.
   */
  into?: Uint8Array<ArrayBuffer>;
  /** Called with the number of bytes of the payload as they come. */
  onBytes?: (bytes: number) => void;
  /** Withdraws the request: the callee is told, and the reply may then be a Refusal. */
  signal?: AbortSignal;
  /** The owner of the request, for {@link Caller.leave}. */
  owner?: object;
}

export interface CallerOptions extends ConnectionOptions {
  agent: string;
  /** The caller's own peer id. */
  peer?: string;
  /** The port that this end listens on, if it does. */
  port?: number;
  /** Asks the callee to prove its id. */
  nonce?: string;
  /** One more connection of a caller that has one. Default false. */
  further?: boolean;
  signal?: AbortSignal;
  /** Called once `hello` is on its way: what is requested there goes with it, in the same round trip. */
  onConnected?: (caller: Caller) => void;
}

/** A reply and the payload that came with it. */
export interface Answer<R> {
  reply: R;
  payload: Uint8Array<ArrayBuffer>;
}

interface Pending {
  id: number;
  owner?: object;
  into?: Uint8Array<ArrayBuffer>;
  onBytes?: (bytes: number) => void;
  resolve: (answer: Answer<Message>) => void;
  reject: (error: unknown) => void;
}

const NOTHING = new Uint8Array();
/** An id that no request of a Caller has. */
const NO_REQUEST = 0;

export class Caller {
  readonly connection: Connection;
  readonly #pending: Pending[] = [];
  #nextId = 1;
  readonly #ended = Promise.withResolvers<unknown>();
  #reading = false;
  #retired = false;
  #broken: unknown;
  readonly #listeners = new Set<(notice: Message) => void>();
  /** The time by which the next reply must have begun, by the awake clock. */
  #replyDue = Infinity;

  constructor(connection: Connection) {
    this.connection = connection;
    // Taking back what was never asked for says nothing, and carries the acknowledgement.
    if (connection.encrypted) {
      connection.onPause(() => {
        connection.send({ action: "cancel", request: NO_REQUEST }).catch(() => {});
      });
    }
  }

  /**
   * Connects and says `hello`; both within {@link HANDSHAKE_MS}. `hello` is what the callee's answer
   * must look like. Throws a Fault that says whether nothing answers, or something else does.
   */
  static async open<S extends v.GenericSchema>(
    address: Address,
    hello: S,
    options: CallerOptions,
  ): Promise<{ caller: Caller; hello: v.InferOutput<S> }> {
    const started = awakeClock.now();
    const connection = await Connection.open(address, options);
    return await Caller.handshake(connection, hello, options, awakeClock.now() - started);
  }

  /** As {@link open}, over a connection that took `spentMs` of the time to open. */
  static async handshake<S extends v.GenericSchema>(
    connection: Connection,
    hello: S,
    { agent, peer, port, nonce, further, signal, onConnected }: Omit<
      CallerOptions,
      keyof ConnectionOptions
    >,
    spentMs = 0,
  ): Promise<{ caller: Caller; hello: v.InferOutput<S> }> {
    const caller = new Caller(connection);
    using _timer = deadline(
      HANDSHAKE_MS - spentMs,
      () => connection.close(new Fault("network", `${connection} did not say hello`)),
    );
    const abort = () => connection.close();
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
    try {
      const about = { agent, peer, port, nonce, further: further || undefined };
      const first = { action: "hello", protocol: PROTOCOL_VERSION, ...about };
      const answered = caller.request(first, hello);
      onConnected?.(caller);
      return { caller, hello: (await answered).reply };
    } catch (error) {
      caller.close();
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Requests that were sent and not yet answered. */
  get inFlight(): number {
    return this.#pending.length;
  }

  /** Resolves, with the reason, when the connection can't be used any more. */
  get ended(): Promise<unknown> {
    return this.#ended.promise;
  }

  /** From now on reads notices too, and notices when the other end closes. Returns how to stop that. */
  listen(onNotice: (notice: Message) => void): () => void {
    this.#listeners.add(onNotice);
    if (!this.#reading) void this.#read();
    return () => void this.#listeners.delete(onNotice);
  }

  /** Ends the requests of `owner` at once, and withdraws them; those of others go on. */
  leave(owner: object): void {
    const fault = new Fault("network", `the requests to ${this.connection} were taken back`);
    for (const pending of this.#pending) {
      if (pending.owner !== owner) continue;
      pending.reject(fault);
      this.#takeBack(pending.id);
    }
  }

  /**
   * Sends a request and waits for its reply, which must fit `schema`. Throws a {@link Refusal} when
   * the other end answers `error`, and a `network` Fault when the connection breaks or breaks the
   * rules; in the latter case every request in flight fails.
   */
  async request<S extends v.GenericSchema>(
    message: Outgoing,
    schema: S,
    { into, onBytes, signal, owner }: RequestOptions = {},
    payload?: Uint8Array,
  ): Promise<Answer<v.InferOutput<S>>> {
    if (this.#broken) throw this.#broken;
    const id = this.#nextId++;
    // Encoded before it counts as sent: one that can't be must not leave others waiting for its reply.
    const bytes = encodeMessage({ ...message, id }, payload);
    const answered = new Promise<Answer<Message>>((resolve, reject) => {
      this.#pending.push({ id, owner, into, onBytes, resolve, reject });
    });
    answered.catch(() => {}); // until it is awaited below
    if (this.#pending.length === 1) {
      this.#replyDue = awakeClock.now() + this.connection.progressMs;
      if (this.#reading) this.connection.hasten();
    }
    // A failure to send shows when the reply is read, with a better reason where the other end gave
    // one, such as an error before it closed.
    await this.connection.sendBytes(bytes).catch(() => {});
    if (!this.#reading) void this.#read();
    const { reply, payload: body } = await this.#orCancelled(answered, id, signal);
    if (reply.action === "error") {
      throw new Refusal(String(this.connection), parseAs(ErrorReply, reply, "error"));
    }
    try {
      return { reply: parseAs(schema, reply, `reply to ${message.action}`), payload: body };
    } catch (error) {
      this.#fail(new Fault("network", `${this.connection} sent a ${(error as Fault).message}`));
      throw this.#broken;
    }
  }

  /** Closes the connection once no request is in flight. No more may be made. */
  retire(): void {
    this.#retired = true;
    if (this.#pending.length === 0) this.close();
  }

  /** Closes the connection; requests in flight fail with `reason`. */
  close(reason?: Fault): void {
    this.connection.close(reason);
    this.#fail(reason ?? new Fault("network", `the connection to ${this.connection} was closed`));
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #orCancelled<T>(answered: Promise<T>, id: number, signal?: AbortSignal): Promise<T> {
    if (!signal) return await answered;
    const cancel = () => this.#takeBack(id);
    if (signal.aborted) cancel();
    signal.addEventListener("abort", cancel);
    try {
      return await answered;
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  #takeBack(id: number): void {
    if (!this.connection.closed) {
      this.connection.send({ action: "cancel", request: id }).catch(() => {});
    }
  }

  /** Reads while replies are due, or notices are listened for. */
  async #read(): Promise<void> {
    this.#reading = true;
    try {
      while (this.#pending.length > 0 || this.#listeners.size > 0) {
        const due = this.#pending.length > 0
          ? Math.max(0, this.#replyDue - awakeClock.now())
          : Infinity;
        const reply = await this.connection.read(due);
        if (!reply) throw new Fault("network", `${this.connection} closed the connection`);
        if (this.#listeners.size > 0 && isNotice(reply)) {
          for (const onNotice of this.#listeners) onNotice(reply);
          continue;
        }
        const { id, into, onBytes, resolve } = this.#pending[0] ?? {};
        if (reply.id !== id || !resolve) {
          if (reply.action === "error" && reply.id === undefined) {
            throw new Refusal(String(this.connection), parseAs(ErrorReply, reply, "error"));
          }
          throw new Fault("network", `${this.connection} sent a reply out of order`);
        }
        resolve({ reply, payload: await this.#readPayload(reply, into, onBytes) });
        this.#pending.shift();
        if (this.#retired && this.#pending.length === 0) return this.close();
        this.#replyDue = awakeClock.now() + this.connection.progressMs;
      }
    } catch (error) {
      this.#fail(
        error instanceof Fault && error.message.startsWith("malformed")
          ? new Fault("network", `${this.connection} sent a ${error.message}`, { cause: error })
          : error,
      );
    } finally {
      this.#reading = false;
    }
  }

  async #readPayload(
    reply: Message,
    into?: Uint8Array<ArrayBuffer>,
    onBytes?: (bytes: number) => void,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const length = reply.payload ?? 0;
    if (length === 0) return NOTHING;
    // More than there is of what was asked for is something else: a lie, however the rest would end.
    if (into && length > into.length) {
      throw new Fault(
        "integrity",
        `${this.connection} sent ${length} bytes where at most ${into.length} were asked for`,
      );
    }
    const payload = into ? into.subarray(0, length) : new Uint8Array(length);
    await this.connection.readPayload(payload, onBytes);
    return payload;
  }

  #fail(error: unknown): void {
    if (this.#broken) return;
    this.#broken = error;
    this.#ended.resolve(error);
    this.connection.close(error instanceof Fault ? error : undefined);
    for (const { reject } of this.#pending.splice(0)) reject(error);
  }
}

function isNotice({ id, action, payload }: Message): boolean {
  return id === undefined && action !== "error" && !payload;
}
