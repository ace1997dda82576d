import type { Address } from "../../wire/address.ts";
import { listenOn, type Socket, type TransportListener } from "../../wire/transport.ts";
import type { Presented } from "./certificates.ts";

/**
 * A listener with TLS itself: the fastest way. But the runtime keeps the socket of a connection
 * whose handshake is not over until the caller leaves, even after it was closed; so those are
 * counted.
 */
export class DirectListener implements TransportListener {
  readonly address: Address;
  readonly #listener: Deno.TlsListener;
  readonly #onHeld: (held: number) => void;
  /** Connections that were closed here, and whose callers neither continued nor left. */
  readonly #held = new Set<Deno.TlsConn>();

  /**
   * `onHeld` is called, with their number, when there is one more such connection. Throws a `network`
   * Fault when the address can't be listened on.
   */
  constructor(address: Address, presented: Presented, onHeld: (held: number) => void) {
    this.#listener = listenOn(
      address,
      ({ host, port }) => Deno.listenTls({ hostname: host, port, ...presented }),
    );
    this.#onHeld = onHeld;
    const addr = this.#listener.addr as Deno.NetAddr;
    this.address = { host: addr.hostname, port: addr.port };
  }

  async accept(): Promise<Socket> {
    const tls = await this.#listener.accept();
    let state: "handshake" | "open" | "held" | "closed" = "handshake";
    const ready = Promise.withResolvers<void>();
    ready.promise.catch(() => {}); // until it is awaited
    tls.handshake().then(() => ready.resolve(), ready.reject).finally(() => {
      if (state === "handshake") state = "open";
      if (this.#held.delete(tls)) tls.close();
    });
    return {
      remoteAddr: tls.remoteAddr,
      localAddr: tls.localAddr,
      read: (into) => state === "open" ? tls.read(into) : ready.promise.then(() => tls.read(into)),
      write: (bytes) => ready.promise.then(() => tls.write(bytes)),
      close: () => {
        if (state === "open") tls.close();
        if (state !== "handshake") return void (state = "closed");
        state = "held";
        this.#held.add(tls);
        ready.reject(new Deno.errors.Interrupted("closed before the handshake was over"));
        this.#onHeld(this.#held.size);
      },
    };
  }

  close(): Promise<void> {
    this.#listener.close();
    for (const tls of this.#held) tls.close();
    this.#held.clear();
    return Promise.resolve();
  }
}
