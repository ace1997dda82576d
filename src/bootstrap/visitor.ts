import { Fault } from "../fault.ts";
import { delay } from "../async/retry.ts";
import { Refused, type Response } from "../wire/answerer.ts";
import { encodeMessage, type Outgoing } from "../wire/codec.ts";
import type { Connection } from "../wire/connection.ts";
import { PENALTY_MS, REPLY_MS, type RequestKind, SMALL_LIST } from "./limits.ts";
import type { Quota } from "./quota.ts";
import type { ReplyFrames } from "./reply_frames.ts";
import type { RateLimits } from "./rate_limits.ts";
import { deadline } from "../async/deadline.ts";
import type { FairQueue } from "../async/fair_queue.ts";
import { groupOf } from "../wire/ip_address.ts";

type Reply = Extract<Response, { release: () => void }>;

const encoder = new TextEncoder();

/** The limits that all connections share. */
export interface Grants {
  rates: RateLimits;
  /** Heavy work, for which addresses take turns. */
  fairQueue: FairQueue;
  /** Bytes of payloads being received. */
  payloads: Quota;
  frames: ReplyFrames;
}

/** The limits of one connection. */
export class Visitor {
  readonly #connection: Connection;
  readonly #grants: Grants;
  /** The time at which it is heard again, by performance.now(). */
  #heardAgain = 0;
  /** The number of times in a row that it was told `busy`. */
  #refusals = 0;

  constructor(connection: Connection, grants: Grants) {
    this.#connection = connection;
    this.#grants = grants;
  }

  /** The address that it comes from. */
  get host(): string {
    return this.#connection.remote.host;
  }

  /**
   * Counts something that it asks for. Throws a Refused `busy` when that is too much; whatever it asks
   * next then waits, so that asking on and on costs little here.
   */
  async spend(kind: RequestKind, units = 1): Promise<void> {
    const { closing } = this.#connection;
    const penalty = this.#heardAgain - performance.now();
    if (penalty > 0) await delay(penalty, closing);
    this.#orLater(() => this.#grants.rates.take(kind, this.host, units));
  }

  /** Counts `units` more, once it is known that a request was that much work. */
  charge(kind: RequestKind, units: number): void {
    this.#grants.rates.charge(kind, this.host, units);
  }

  /** Does heavy work when it is this address's turn. */
  inTurn<T>(work: () => T | Promise<T>): Promise<T> {
    // Callers on this machine are any number of peers, each for itself.
    const caller = groupOf(this.host) ?? String(this.#connection);
    return this.#grants.fairQueue.take(work, caller);
  }

  /** Makes room for a payload; returns what to call when it isn't needed any more. */
  holdPayload(bytes: number): () => void {
    const { host } = this;
    this.#orLater(() => this.#grants.payloads.add(host, bytes));
    return () => this.#grants.payloads.remove(host, bytes);
  }

  /** A reply with a list as its payload. It has a frame until it was sent, if it is a long one. */
  list(message: Outgoing, items: unknown[]): Reply {
    const json = JSON.stringify(items);
    if (json.length <= SMALL_LIST) return this.inTime(encodeMessage(message, encoder.encode(json)));
    const { frame, release } = this.#orLater(() => this.#grants.frames.take(this.host));
    try {
      const { written } = encoder.encodeInto(json, frame.body);
      return this.inTime(frame.seal(message, written), release);
    } catch (error) {
      release();
      throw error;
    }
  }

  /** A reply that is as it is; it counts as a payload if it is as long as one. */
  reply(bytes: Uint8Array): Reply {
    return this.inTime(
      bytes,
      bytes.length > SMALL_LIST ? this.holdPayload(bytes.length) : undefined,
    );
  }

  /** A reply that gets only so much time to be read; then the connection is closed. */
  inTime(bytes: Uint8Array, release = () => {}): Reply {
    const connection = this.#connection;
    const slow = new Fault("network", `${connection} took too long to read a reply`);
    const timer = deadline(REPLY_MS, () => connection.close(slow));
    return {
      bytes,
      release() {
        timer[Symbol.dispose]();
        release();
      },
    };
  }

  #orLater<T>(act: () => T): T {
    try {
      const done = act();
      this.#refusals = 0;
      return done;
    } catch (error) {
      if (error instanceof Refused) {
        const told = (error.retryAfter ?? 0) * 1_000 * 2 ** Math.min(this.#refusals++, 10);
        const penalty = Math.min(told, PENALTY_MS);
        this.#heardAgain = performance.now() + penalty;
      }
      throw error;
    }
  }
}
