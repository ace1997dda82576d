/**
 * The bootstrap server: accepts connections, gives each its own session, and ends them all in order.
 */
import { getLogger } from "@logtape/logtape";
import { Fault, messageOf } from "../fault.ts";
import { delay } from "../peer/retry.ts";
import { AGENT } from "../version.ts";
import { type Address, Connection } from "../wire/connection.ts";
import { inTheClear, type Transport, type TransportListener } from "../wire/transport.ts";
import { probeSeeds } from "./probe_seeds.ts";
import type { Registry } from "./registry.ts";
import { Session, type SessionOptions } from "./session.ts";

/** Most connections at one time; more are told `busy`. */
export const MAX_CONNECTIONS = 10_000;
/** How often silent peers are looked for, in milliseconds. */
export const EXPIRE_MS = 10_000;
/** How often seed peers are probed, in milliseconds. */
export const PROBE_SEEDS_MS = 30_000;
/** A pause after the system couldn't give a connection, in milliseconds: it ran out of something. */
const ACCEPT_PAUSE_MS = 100;

const logger = getLogger(["shoal", "bootstrap"]);

export interface BootstrapOptions extends Address {
  registry: Registry;
  /** How it is talked to. Default in the clear. */
  transport?: Transport;
  /** @default MAX_CONNECTIONS */
  maxConnections?: number;
  /** @default EXPIRE_MS */
  expireMs?: number;
  /** @default PROBE_SEEDS_MS */
  probeSeedsMs?: number;
}

export class BootstrapServer {
  /** Where it listens; the port is a real one, also where any was asked for with 0. */
  readonly address: Address;
  readonly #listener: TransportListener;
  readonly #options: BootstrapOptions;
  readonly #sessionOptions: SessionOptions;
  readonly #connections = new Set<Connection>();
  /** Everything that `stop` waits for. */
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #timers: ReturnType<typeof setInterval>[];
  #probing = false;

  private constructor(listener: TransportListener, options: BootstrapOptions) {
    this.#listener = listener;
    this.#options = options;
    this.#sessionOptions = { registry: options.registry, agent: AGENT, speakers: new Map() };
    this.address = listener.address;
    this.#timers = [
      setInterval(() => this.#run(options.registry.expire()), options.expireMs ?? EXPIRE_MS),
      setInterval(() => this.#run(this.#probeSeeds()), options.probeSeedsMs ?? PROBE_SEEDS_MS),
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
      await this.#listener.close();
    }
    await Promise.all(this.#running);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #accept(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const { transport } = this.#options;
        const connection = new Connection(await this.#listener.accept(), { transport });
        this.#run(this.#serve(connection));
      } catch (error) {
        if (signal.aborted) return;
        logger.warn("Cannot accept a connection: {error}", { error: messageOf(error) });
        await delay(ACCEPT_PAUSE_MS, signal).catch(() => {});
      }
    }
  }

  /** Whatever goes wrong on one connection ends that one alone. */
  async #serve(connection: Connection): Promise<void> {
    const client = String(connection);
    this.#connections.add(connection);
    try {
      const most = this.#options.maxConnections ?? MAX_CONNECTIONS;
      if (this.#connections.size > most) {
        const message = `this bootstrap serves at most ${most} connections`;
        await connection.transport.admit(connection);
        await connection.send({ action: "error", code: "busy", message });
        throw new Fault("network", message);
      }
      await connection.transport.admit(connection);
      await new Session(connection, this.#sessionOptions).run();
      logger.debug("{client} left", { client });
    } catch (error) {
      logger.debug("{client} was dropped: {error}", { client, error: messageOf(error) });
    } finally {
      connection.close();
      this.#connections.delete(connection);
    }
  }

  async #probeSeeds(): Promise<void> {
    if (this.#probing) return;
    this.#probing = true;
    try {
      await probeSeeds(this.#options.registry, this.#stopping.signal);
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
