import { getLogger } from "@logtape/logtape";
import { Fault, messageOf } from "../fault.ts";
import { type Address, Connection, formatAddress } from "../wire/connection.ts";

const log = getLogger(["shoal", "peer", "listener"]);

/** Connections served at a time; more are closed at once. */
const MAX_CONNECTIONS = 1_000;

/** Accepts connections and has each served, until it is stopped. */
export class Listener {
  /** Where it listens; the port is the real one where any was asked for. */
  readonly address: Address;
  readonly #listener: Deno.TcpListener;
  readonly #connections = new Set<Connection>();
  readonly #ending: Promise<void>;

  /** Throws a `network` Fault when the address can't be listened on. */
  constructor({ host, port }: Address, serve: (connection: Connection) => Promise<void>) {
    try {
      this.#listener = Deno.listen({ hostname: host, port });
    } catch (cause) {
      const why = cause instanceof Deno.errors.AddrInUse
        ? "the port is in use"
        : messageOf(cause).replace(/ \(os error \d+\)$/, "").toLowerCase();
      throw new Fault("network", `Cannot listen on ${formatAddress({ host, port })}: ${why}`, {
        cause,
      });
    }
    this.address = { host, port: this.#listener.addr.port };
    this.#ending = this.#accept(serve);
  }

  /** Closes the listener and every connection; resolves when all are done with. */
  async stop(): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) connection.close();
    await this.#ending;
  }

  async #accept(serve: (connection: Connection) => Promise<void>): Promise<void> {
    const serving = new Set<Promise<void>>();
    for await (const conn of this.#listener) {
      const connection = new Connection(conn);
      if (this.#connections.size >= MAX_CONNECTIONS) {
        log.warning("refused {connection}: {limit} connections are open", {
          connection: String(connection),
          limit: MAX_CONNECTIONS,
        });
        connection.close();
        continue;
      }
      this.#connections.add(connection);
      const served = serve(connection).catch((error) => {
        // Whoever broke the rules loses this connection; nobody else notices.
        const message = `${connection}: ${messageOf(error)}`;
        if (error instanceof Fault) log.debug(message);
        else log.error(message);
      }).finally(() => {
        connection.close();
        this.#connections.delete(connection);
        serving.delete(served);
      });
      serving.add(served);
    }
    await Promise.all(serving);
  }
}
