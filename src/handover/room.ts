import * as v from "valibot";
import { Fault } from "../fault.ts";
import { newNonce } from "../trust/nonce.ts";
import { handshake } from "../peer/discovery/handshake.ts";
import type { Address } from "../wire/address.ts";
import { type Caller, Refusal } from "../wire/caller.ts";
import { Ok, RoomNotice, RoomReply } from "../wire/protocol.ts";
import { Condition } from "../async/condition.ts";
import { timeoutSignal } from "../async/deadline.ts";
import { Backoff, delay } from "../async/retry.ts";

/** Interval at which an open room is asked for anew, in milliseconds: callees close idle connections. */
const RENEW_MS = 45_000;
/** Time that a receiver waits for its turn in a crowded room, in milliseconds. */
const CROWDED_MS = 60_000;
/** Time for the other party to say something, in milliseconds. */
const SAID_MS = 20_000;

/** A connection to a bootstrap, its notices in order. Both parties of a room have one. */
class RoomConnection {
  readonly caller: Caller;
  readonly bootstrap: Address;
  readonly #notices: RoomNotice[] = [];
  readonly #changed = new Condition();
  #ended: unknown;

  constructor(caller: Caller, bootstrap: Address) {
    this.caller = caller;
    this.bootstrap = bootstrap;
    caller.listen((notice) => {
      const parsed = v.safeParse(RoomNotice, notice);
      if (!parsed.success) return;
      this.#notices.push(parsed.output);
      this.#changed.notifyAll();
    });
    void caller.ended.then((reason) => {
      this.#ended = reason;
      this.#changed.notifyAll();
    });
  }

  /** Connects to the first bootstrap that answers. Throws a `network` Fault when none does. */
  static async open(bootstraps: Address[], signal: AbortSignal): Promise<RoomConnection> {
    let failure: unknown;
    for (const bootstrap of bootstraps) {
      try {
        const greeted = await handshake(bootstrap, { signal });
        if (greeted.kind === "shoal") return new RoomConnection(greeted.caller, bootstrap);
        failure = new Fault("network", "Cannot hand over: the bootstrap knows no rooms");
      } catch (error) {
        signal.throwIfAborted();
        failure ??= error;
      }
    }
    throw failure ?? new Fault("usage", "Cannot hand over: no bootstrap is given");
  }

  /** The next notice. Throws when the connection has ended, and the signal's reason. */
  async next(signal: AbortSignal): Promise<RoomNotice> {
    for (;;) {
      const notice = this.#notices.shift();
      if (notice) return notice;
      if (this.#ended) throw this.#ended;
      await this.#changed.wait(signal);
    }
  }

  close(): void {
    this.caller.close();
  }
}

/** A notice to a sender, of a guest. */
export type RoomEvent = Exclude<RoomNotice, { action: "dismissed" | "closed" }>;

/** A room of a sender's. It outlives its connection: the number stays, whichever broke or restarted. */
export class OwnRoom {
  readonly number: number;
  readonly #ticket: string;
  readonly #until: number;
  /** From the beginning: until guests are met, all must be hashed. */
  readonly #renewing: ReturnType<typeof setInterval>;
  #connection: RoomConnection;

  private constructor(
    number: number,
    ticket: string,
    until: number,
    connection: RoomConnection,
  ) {
    this.number = number;
    this.#ticket = ticket;
    this.#until = until;
    this.#connection = connection;
    this.#renewing = setInterval(() => void this.#take(this.#connection).catch(() => {}), RENEW_MS);
  }

  /** Opens a room until a time (Date.now()), with the wanted number. Throws a `network` Fault. */
  static async open(
    bootstraps: Address[],
    { until, wanted, signal }: { until: number; wanted?: number; signal: AbortSignal },
  ): Promise<OwnRoom> {
    const connection = await RoomConnection.open(bootstraps, signal);
    const ticket = newNonce();
    try {
      const { reply } = await connection.caller.request(opening(ticket, until, wanted), RoomReply);
      return new OwnRoom(reply.room, ticket, until, connection);
    } catch (error) {
      connection.close();
      throw refusalOf(error);
    }
  }

  get bootstrap(): Address {
    return this.#connection.bootstrap;
  }

  /** This machine's address, as the connection to the bootstrap has it. */
  get localHost(): string {
    return this.#connection.caller.connection.local.host;
  }

  /**
   * The notices of the room, until the signal is aborted; a bootstrap that went away is waited for.
   * Throws a `network` Fault when the room was given to another meanwhile.
   */
  async *events(signal: AbortSignal): AsyncGenerator<RoomEvent, void, void> {
    const backoff = new Backoff({ first: 500, longest: 15_000 });
    while (!signal.aborted) {
      try {
        const notice = await this.#connection.next(signal);
        backoff.reset();
        if (notice.action === "closed") return;
        if (notice.action !== "dismissed") yield notice;
      } catch {
        if (signal.aborted) return;
        await this.#reopen(backoff, signal);
      }
    }
  }

  /** Says something to a guest. A guest or a bootstrap that has gone is no failure. */
  async say(guest: number, blob: string): Promise<void> {
    await this.#connection.caller.request({ action: "say", guest, blob }, Ok).catch(() => {});
  }

  async dismiss(guest: number): Promise<void> {
    await this.#connection.caller.request({ action: "dismiss", guest }, Ok).catch(() => {});
  }

  /** Closes the room for good; a bootstrap that is away forgets it by itself. */
  async close(): Promise<void> {
    clearInterval(this.#renewing);
    await this.#connection.caller.request({ action: "close_room" }, Ok).catch(() => {});
    this.#connection.close();
  }

  async #reopen(backoff: Backoff, signal: AbortSignal): Promise<void> {
    this.#connection.close();
    for (;;) {
      await delay(backoff.next(), signal);
      try {
        const connection = await RoomConnection.open([this.bootstrap], signal);
        await this.#take(connection);
        this.#connection = connection;
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof Refusal && error.code === "no_room") throw refusalOf(error);
      }
    }
  }

  /** Takes the room up again, or longer. */
  async #take({ caller }: RoomConnection): Promise<void> {
    await caller.request(opening(this.#ticket, this.#until, this.number), RoomReply);
  }
}

/** A receiver's stay in a room. */
export class RoomVisit {
  readonly #connection: RoomConnection;

  private constructor(connection: RoomConnection) {
    this.#connection = connection;
  }

  get bootstrap(): Address {
    return this.#connection.bootstrap;
  }

  /**
   * Enters a room with the first words, and waits for its turn where it is crowded. Throws a
   * `not_found` Fault where there is no such room, and a `network` Fault.
   */
  static async enter(
    bootstraps: Address[],
    room: number,
    blob: string,
    signal: AbortSignal,
  ): Promise<RoomVisit> {
    const connection = await RoomConnection.open(bootstraps, signal);
    const end = performance.now() + CROWDED_MS;
    try {
      for (;;) {
        try {
          await connection.caller.request({ action: "enter_room", room, blob }, Ok);
          return new RoomVisit(connection);
        } catch (error) {
          const pause = error instanceof Refusal && error.code === "busy"
            ? error.retryAfter ?? 1
            : 0;
          if (pause === 0 || performance.now() + pause * 1_000 > end) throw error;
          await delay(pause * 1_000, signal);
        }
      }
    } catch (error) {
      connection.close();
      if (error instanceof Refusal && error.code === "no_room") {
        throw new Fault("not_found", `Cannot receive: there is no room ${room}`, {
          cause: error,
          next:
            "ask the sender whether its code still holds: it ends once all have it, or with its time",
        });
      }
      throw refusalOf(error);
    }
  }

  /** The next words of the sender. Throws a `network` Fault when it says nothing, or is gone. */
  async hear(signal: AbortSignal): Promise<string> {
    const late = () => new Fault("network", "Cannot receive: the sender does not answer");
    using waiting = timeoutSignal(SAID_MS, late, { signal });
    try {
      const notice = await this.#connection.next(waiting.signal);
      if (notice.action === "said") return notice.blob;
      if (notice.action === "dismissed") {
        throw new Fault("network", "Cannot receive: the sender has turned this receiver away");
      }
      throw new Fault("not_found", "Cannot receive: the sender has closed the room");
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Fault) throw error;
      throw new Fault("network", "Cannot receive: the sender does not answer", { cause: error });
    }
  }

  async say(blob: string): Promise<void> {
    await this.#connection.caller.request({ action: "say", blob }, Ok);
  }

  close(): void {
    this.#connection.close();
  }
}

function opening(ticket: string, until: number, room?: number) {
  const seconds = Math.max(1, Math.min(86_400, Math.ceil((until - Date.now()) / 1_000)));
  return { action: "open_room", ticket, seconds, room };
}

/** The meaning of a refusal to the user of a room. */
function refusalOf(error: unknown): unknown {
  if (!(error instanceof Refusal)) return error;
  if (error.code !== "unknown_action") return error;
  return new Fault("network", "Cannot hand over: this bootstrap is too old to have rooms", {
    cause: error,
  });
}
