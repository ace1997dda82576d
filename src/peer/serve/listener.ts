import { getLogger } from "@logtape/logtape";
import { Fault, messageOf } from "../../fault.ts";
import { delay } from "../../async/retry.ts";
import { type Address, Connection, type ConnectionOptions } from "../../wire/connection.ts";
import { Refused } from "../../wire/answerer.ts";
import { inTheClear, type Socket, type TransportListener } from "../../wire/transport.ts";
import { EVERYWHERE } from "../../wire/wildcard_host.ts";
import { groupOf, isLoopback } from "../../wire/ip_address.ts";

const log = getLogger(["shoal", "peer", "listener"]);

/** Connections served at a time; more are told `busy`. */
export const MAX_CONNECTIONS = 1_000;
/**
 * Connections served at a time for one address: an office or a rack of containers behind one, that all
 * begin in the same minute, and no more than a quarter of all. Uploads take turns by address. Loopback
 * has no such limit: it stands for any number of peers on this machine, and for nobody else.
 */
const MAX_PER_ADDRESS = 250;
/** Connections being told `busy` at a time; more are closed without a word. */
const MAX_REFUSING = 64;
/** The time when a caller that is told `busy` is asked to come back, in seconds. */
const COME_BACK_S = 10;
/** The time for which one that is told `busy` may take to say something before it is closed, in milliseconds. */
const REFUSING_MS = 1_000;
/** The time for which a socket counts after it was closed with something unread, in milliseconds. */
const LINGER_MS = 60_000;
/** A pause after the system couldn't give a connection, in milliseconds: it ran out of something. */
const ACCEPT_PAUSE_MS = 100;

export interface ListenerOptions {
  /** @default MAX_CONNECTIONS */
  maxConnections?: number;
  /** @default MAX_PER_ADDRESS */
  maxPerAddress?: number;
  /** Options of each connection. */
  connection?: ConnectionOptions;
}

/** Accepts connections and has each served, until it is stopped. */
export class Listener {
  /** Where it listens; the port is the real one where any was asked for. */
  readonly address: Address;
  readonly #listener: TransportListener;
  readonly #serve: (connection: Connection) => Promise<void>;
  readonly #options: ListenerOptions;
  readonly #connections = new Set<Connection>();
  readonly #perAddress = new Map<string, number>();
  /** Of those connections that count for their address, the key that they count under. */
  readonly #keys = new Map<Connection, string>();
  readonly #lingering = new Set<ReturnType<typeof setTimeout>>();
  readonly #refusing = new Set<Connection>();
  /** Everything that `stop` waits for. */
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #ending: Promise<void>;

  /** Throws a `network` Fault when the address can't be listened on. */
  constructor(
    { host, port }: Address,
    serve: (connection: Connection) => Promise<void>,
    options: ListenerOptions = {},
  ) {
    const { transport = inTheClear } = options.connection ?? {};
    this.#listener = transport.listen({ host, port }, { bulk: true });
    const { address } = this.#listener;
    this.address = host === EVERYWHERE ? address : { host, port: address.port };
    this.#serve = serve;
    this.#options = options;
    this.#ending = this.#accept();
  }

  /** Serves a connection that is open already, as if it had been accepted. */
  serve(socket: Socket): void {
    const connection = new Connection(socket, this.#options.connection);
    if (this.#stopping.signal.aborted) connection.close();
    else this.#receive(connection);
  }

  /** Closes the listener and every connection; resolves when all are done with. */
  async stop(): Promise<void> {
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort();
      for (const connection of [...this.#connections, ...this.#refusing]) connection.close();
      await this.#listener.close();
    }
    await this.#ending;
    await Promise.all(this.#running);
    for (const timer of this.#lingering) clearTimeout(timer);
  }

  async #accept(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const conn = await this.#listener.accept();
        this.#receive(new Connection(conn, this.#options.connection));
      } catch (error) {
        if (signal.aborted) return;
        log.warning("cannot accept a connection: {why}", { why: messageOf(error) });
        await delay(ACCEPT_PAUSE_MS, signal).catch(() => {});
      }
    }
  }

  #receive(connection: Connection): void {
    const { host } = connection.remote;
    let why = this.#fullFor(host);
    // A caller with one connection goes before one with several.
    for (const other of why === undefined ? [] : this.#yielding(host)) {
      other.close(new Fault("network", `the place of ${other} was needed for another caller`));
      this.#connections.delete(other);
      this.#leave(this.#keys.get(other)!);
      this.#keys.delete(other);
      why = this.#fullFor(host);
      if (why === undefined) break;
    }
    if (why === undefined) return this.#run(connection, this.#connections, this.#admit(connection));
    log.warning("refused {connection}: {why}", { connection: String(connection), why });
    if (this.#refusing.size >= MAX_REFUSING) return connection.close();
    this.#run(connection, this.#refusing, refuse(connection, why));
  }

  /** Which cap one more connection from that address would break, if any. */
  #fullFor(host: string): string | undefined {
    const { maxConnections = MAX_CONNECTIONS, maxPerAddress = MAX_PER_ADDRESS } = this.#options;
    if (this.#connections.size >= maxConnections) {
      return `this peer serves at most ${maxConnections} connections`;
    }
    if (!isLoopback(host) && (this.#perAddress.get(keyOf(host)) ?? 0) >= maxPerAddress) {
      return `this peer serves at most ${maxPerAddress} connections to one address`;
    }
  }

  /** Further connections of callers: at most one of the address, and one of any other. */
  #yielding(host: string): Connection[] {
    const all = [...this.#connections].filter(({ yields }) => yields);
    const same = all.find((other) => this.#keys.get(other) === keyOf(host));
    return [...new Set([...same ? [same] : [], ...all.slice(0, 1)])];
  }

  async #admit(connection: Connection): Promise<void> {
    const key = keyOf(connection.remote.host);
    this.#perAddress.set(key, (this.#perAddress.get(key) ?? 0) + 1);
    this.#keys.set(connection, key);
    try {
      await connection.transport.admit(connection);
      await this.#serve(connection);
    } finally {
      connection.close();
      const counted = this.#keys.delete(connection);
      if (counted && connection.leftUnread) this.#linger(key);
      else if (counted) this.#leave(key);
    }
  }

  #leave(key: string): void {
    const left = this.#perAddress.get(key)! - 1;
    if (left > 0) this.#perAddress.set(key, left);
    else this.#perAddress.delete(key);
  }

  /** Counts a socket that the system keeps for a while: what was sent on it is not read. */
  #linger(key: string): void {
    const timer = setTimeout(() => {
      this.#lingering.delete(timer);
      this.#leave(key);
    }, LINGER_MS);
    this.#lingering.add(timer);
  }

  /** A caller that breaks the rules loses this connection; no other notices. */
  #run(connection: Connection, among: Set<Connection>, task: Promise<void>): void {
    among.add(connection);
    const running = task.catch((error) => {
      const about = { connection: String(connection), why: messageOf(error) };
      if (error instanceof Fault || error instanceof Refused) {
        log.debug("{connection}: {why}", about);
      } else log.error("{connection}: {why}", about);
    }).finally(() => {
      connection.close();
      among.delete(connection);
      this.#running.delete(running);
    });
    this.#running.add(running);
  }
}

/** Says why, and waits for a word: what is closed with something unread takes the reason along. */
async function refuse(connection: Connection, message: string): Promise<void> {
  await connection.transport.admit(connection);
  await connection.send({ action: "error", code: "busy", message, retry_after: COME_BACK_S });
  await connection.read(REFUSING_MS);
}

/** The key that a caller's connections are counted under. */
function keyOf(host: string): string {
  return groupOf(host) ?? host;
}
