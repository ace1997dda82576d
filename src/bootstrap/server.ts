/**
 * The bootstrap server: accepts connections, gives each its own session, and ends them all in order.
 */
import { getLogger } from "@logtape/logtape";
import { messageOf } from "../fault.ts";
import { delay } from "../async/retry.ts";
import { AGENT } from "../version.ts";
import { probeLegacyPeers } from "../legacy/probe_legacy_peers.ts";
import { Refused } from "../wire/answerer.ts";
import { type Address, Connection } from "../wire/connection.ts";
import { inTheClear, type Transport, type TransportListener } from "../wire/transport.ts";
import { callBack, type Connect } from "./call_back.ts";
import { CallBacks } from "./call_backs.ts";
import {
  FIRST_BUFFER,
  FULL_RETRY_S,
  MAX_CONNECTIONS,
  MAX_CONNECTIONS_PER_ADDRESS,
  MAX_PAYLOADS,
  MAX_PAYLOADS_PER_ADDRESS,
  MAX_REFUSING,
  REFUSING_MS,
} from "./limits.ts";
import { IdleGc } from "./idle_gc.ts";
import type { BootstrapObserver } from "./observer.ts";
import { Introductions } from "./introductions.ts";
import { Meetings } from "../meet/meetings.ts";
import { Relay, type RelayOptions } from "../meet/relay.ts";
import { OwnAddresses } from "./own_addresses.ts";
import { Quota } from "./quota.ts";
import { RateLimits } from "./rate_limits.ts";
import type { Registry } from "./registry.ts";
import { ReplyFrames } from "./reply_frames.ts";
import { Rooms } from "./rooms.ts";
import { Session, type SessionOptions } from "./session.ts";
import { FairQueue } from "../async/fair_queue.ts";

/** Interval of looking for silent peers, in milliseconds. */
const EXPIRE_MS = 10_000;
/** Interval of probing legacy peers, in milliseconds. */
const PROBE_LEGACY_MS = 30_000;
/** Options of each connection. */
const CONNECTION = { firstBuffer: FIRST_BUFFER };
/** Interval of looking for peers that are due to be called back, in milliseconds. */
const CALL_BACKS_MS = 1_000;
/** Interval of looking whether a rush is over, in milliseconds. */
const RUSH_MS = 3_000;
/** The retry-after for a caller whose payload has to wait for another's, in seconds. */
const PAYLOADS_RETRY_S = 1;
/** A pause after the system couldn't give a connection, in milliseconds: it ran out of something. */
const ACCEPT_PAUSE_MS = 100;

const logger = getLogger(["shoal", "bootstrap"]);

export interface BootstrapOptions extends Address {
  registry: Registry;
  /** The transport of its connections. Default in the clear. */
  transport?: Transport;
  /** Addresses at which peers reach it that the system doesn't know of. Default none. */
  advertise?: Address[];
  /** @default MAX_CONNECTIONS */
  maxConnections?: number;
  /** @default EXPIRE_MS */
  expireMs?: number;
  /** @default PROBE_LEGACY_MS */
  probeLegacyPeersMs?: number;
  /** @default MAX_CONNECTIONS_PER_ADDRESS */
  maxPerAddress?: number;
  /** The limits on request rates. @default RATES */
  rates?: RateLimits;
  /** The limits of what it passes on between peers that have no other way. Default it passes on nothing. */
  relay?: RelayOptions;
  /** Hears of all that is answered. Default nobody. */
  observer?: BootstrapObserver;
  /** Opens the connections of call backs. @default Connection.open */
  connect?: Connect;
}

export class BootstrapServer {
  /** The address it listens at; the port is a real one, even if 0 was asked for. */
  readonly address: Address;
  readonly #listener: TransportListener;
  readonly #options: BootstrapOptions;
  readonly #sessionOptions: SessionOptions;
  readonly #connections = new Set<Connection>();
  readonly #quota: Quota;
  readonly #rates: RateLimits;
  readonly #callBacks: CallBacks;
  /** Undefined where it passes on nothing. */
  readonly #relay: Relay | undefined;
  readonly #collector = new IdleGc();
  /** Connections that are being told `busy`. */
  #refusing = 0;
  /** Everything that `stop` waits for. */
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #timers: ReturnType<typeof setInterval>[];
  #probing = false;

  private constructor(listener: TransportListener, options: BootstrapOptions) {
    this.#listener = listener;
    this.#options = options;
    const { registry, transport } = options;
    const connect: Connect = options.connect ??
      ((address, how) => Connection.open(address, { ...how, transport }));
    this.#relay = options.relay && new Relay(options.relay);
    this.#rates = options.rates ?? new RateLimits();
    this.#quota = new Quota({
      what: "connections",
      perAddress: options.maxPerAddress ?? MAX_CONNECTIONS_PER_ADDRESS,
      total: options.maxConnections ?? MAX_CONNECTIONS,
      retryAfter: FULL_RETRY_S,
    });
    this.#callBacks = new CallBacks({
      registry,
      call: (address, peer, signal) => callBack(address, peer, { agent: AGENT, connect, signal }),
    });
    this.#sessionOptions = {
      registry,
      observer: options.observer,
      agent: AGENT,
      speakers: new Map(),
      introductions: new Introductions([
        "reverse",
        "punch",
        ...this.#relay ? ["relay" as const] : [],
      ]),
      punches: new Meetings(),
      relay: this.#relay,
      relays: new Set(),
      rates: this.#rates,
      callBacks: this.#callBacks,
      rooms: new Rooms(),
      fairQueue: new FairQueue(),
      own: new OwnAddresses(options.advertise),
      frames: new ReplyFrames(),
      payloads: new Quota({
        what: "bytes of payloads under way",
        perAddress: MAX_PAYLOADS_PER_ADDRESS,
        total: MAX_PAYLOADS,
        retryAfter: PAYLOADS_RETRY_S,
      }),
    };
    this.address = listener.address;
    this.#timers = [
      setInterval(() => this.#run(this.#expire()), options.expireMs ?? EXPIRE_MS),
      setInterval(() => this.#callBacks.tick(), CALL_BACKS_MS),
      setInterval(() => this.#collector.look(this.#connections.size), RUSH_MS),
      setInterval(
        () => this.#run(this.#probeLegacyPeers()),
        options.probeLegacyPeersMs ?? PROBE_LEGACY_MS,
      ),
    ];
    this.#run(this.#accept());
  }

  /** Begins to listen. Throws a `network` Fault that names the address when that can't be done. */
  static start(options: BootstrapOptions): BootstrapServer {
    const { host, port, transport = inTheClear } = options;
    return new BootstrapServer(transport.listen({ host, port }), options);
  }

  /** Stops listening, closes all connections, and resolves when nothing runs any more. */
  async stop(): Promise<void> {
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort();
      for (const timer of this.#timers) clearInterval(timer);
      for (const connection of this.#connections) connection.close();
      this.#relay?.stop();
      await this.#listener.close();
    }
    await this.#callBacks.stop();
    await Promise.all(this.#running);
  }

  /** Open connections. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** The pairs of peers that it relays for, and the bytes that it has passed on; 0 where it doesn't. */
  get relayed(): { pairs: number; bytes: number } {
    return { pairs: this.#relay?.pairs ?? 0, bytes: this.#relay?.passed ?? 0 };
  }

  /** The numbers of what its registry holds. */
  get counts(): { peers: number; names: number } {
    return this.#options.registry.counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #accept(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const { transport } = this.#options;
        const socket = await this.#listener.accept();
        const connection = new Connection(socket, { ...CONNECTION, transport });
        this.#run(this.#serve(connection));
      } catch (error) {
        if (signal.aborted) return;
        logger.warn("Cannot accept a connection: {error}", { error: messageOf(error) });
        await delay(ACCEPT_PAUSE_MS, signal).catch(() => {});
      }
    }
  }

  /** Serves a connection; a failure ends that one alone. */
  async #serve(connection: Connection): Promise<void> {
    const client = String(connection);
    const { host } = connection.remote;
    this.#connections.add(connection);
    try {
      const refused = this.#refusalFor(host);
      if (refused) return await this.#refuse(connection, refused);
      try {
        await connection.transport.admit(connection);
        await new Session(connection, this.#sessionOptions).run();
      } finally {
        this.#quota.remove(host);
      }
      logger.debug("{client} left", { client });
    } catch (error) {
      logger.debug("{client} was dropped: {error}", { client, error: messageOf(error) });
    } finally {
      connection.close();
      this.#connections.delete(connection);
    }
  }

  /**
   * The reason why one more connection from there is too many; undefined when it is counted as
   * served.
   */
  #refusalFor(host: string): Refused | undefined {
    try {
      this.#rates.take("connect", host);
      this.#quota.add(host);
    } catch (error) {
      if (error instanceof Refused) return error;
      throw error;
    }
  }

  /** Says why, and waits for a word: what is closed with something unread takes the reason along. */
  async #refuse(connection: Connection, { message, retryAfter }: Refused): Promise<void> {
    this.#options.observer?.refused();
    logger.debug("{client} is refused: {message}", { client: String(connection), message });
    if (this.#refusing >= MAX_REFUSING) return;
    this.#refusing++;
    try {
      await connection.transport.admit(connection);
      const error = { action: "error", code: "busy", message, retry_after: retryAfter };
      await connection.send(error);
      await connection.read(REFUSING_MS);
    } finally {
      this.#refusing--;
    }
  }

  async #expire(): Promise<void> {
    this.#rates.sweep();
    this.#sessionOptions.rooms.expire();
    await this.#options.registry.expire();
  }

  async #probeLegacyPeers(): Promise<void> {
    if (this.#probing) return;
    this.#probing = true;
    try {
      await probeLegacyPeers(this.#options.registry, this.#stopping.signal);
    } finally {
      this.#probing = false;
    }
  }

  /** Lets a task run by itself until it ends; {@link stop} waits for it. */
  #run(task: Promise<void>): void {
    const { signal } = this.#stopping;
    const running = task
      .catch((error) => signal.aborted || logger.error("{error}", { error: messageOf(error) }))
      .then(() => void this.#running.delete(running));
    this.#running.add(running);
  }
}
