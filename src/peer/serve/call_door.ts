import { HANDSHAKE_MS } from "../../wire/protocol.ts";
import type { Transport } from "../../wire/transport.ts";
import { EVERYWHERE } from "../../wire/wildcard_host.ts";
import type { ReversedCalls } from "../reach/reversed_calls.ts";
import { Listener } from "./listener.ts";

/** Calls being answered at a time: more than a download has sources. */
const MOST = 64;

/** A listener of a peer that serves nobody: only those may call that it asked to. */
export class CallDoor {
  readonly #calls: ReversedCalls;
  readonly #transport: Transport;
  #listener: Listener | undefined;

  constructor(calls: ReversedCalls, transport: Transport) {
    this.#calls = calls;
    this.#transport = transport;
  }

  /** Listens from now on, at the port that is returned. Throws a Fault when that can't be done. */
  open(): number {
    this.#listener ??= new Listener({ host: EVERYWHERE, port: 0 }, async (connection) => {
      const message = await connection.read(HANDSHAKE_MS);
      if (message) await this.#calls.take(message, connection);
    }, { maxConnections: MOST, connection: { transport: this.#transport } });
    return this.#listener.address.port;
  }

  /** Ends it and all that came in by it. */
  async close(): Promise<void> {
    await this.#listener?.stop();
  }
}
