import { Mutex } from "../async/mutex.ts";
import type { Address } from "../wire/address.ts";
import { listenOn, type Socket, type TransportListener } from "../wire/transport.ts";
import { Gate, type Inside } from "./gate.ts";
import type { Presented } from "./swarm_authority.ts";

/**
 * A listener at the given address, and one with TLS on loopback; a {@link Gate} leads from one to
 * the other for each connection.
 */
export class GatedListener implements TransportListener {
  readonly address: Address;
  readonly #outside: Deno.TcpListener;
  readonly #inside: Deno.TlsListener;
  readonly #gates = new Set<Gate>();
  /** Makes each connection to the inside wait for the one before, so that it is known which is which. */
  readonly #entering = new Mutex();

  /** Throws a `network` Fault when the address can't be listened on. */
  constructor(address: Address, presented: Presented) {
    this.#inside = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...presented });
    try {
      const listen = ({ host, port }: Address) => Deno.listen({ hostname: host, port });
      this.#outside = listenOn(address, listen);
    } catch (error) {
      this.#inside.close();
      throw error;
    }
    const { hostname, port } = this.#outside.addr;
    this.address = { host: hostname, port };
  }

  async accept(): Promise<Socket> {
    const gate = new Gate(
      await this.#outside.accept(),
      () => this.#entering.run(() => this.#enter()),
    );
    this.#gates.add(gate);
    gate.ended.finally(() => this.#gates.delete(gate));
    return gate;
  }

  async close(): Promise<void> {
    this.#outside.close();
    this.#inside.close();
    for (const gate of this.#gates) gate.abort();
    await Promise.allSettled([
      this.#entering.idle(),
      ...[...this.#gates].map(({ ended }) => ended),
    ]);
  }

  /** A connection to the inside. Others on this machine may connect there, and get nowhere. */
  async #enter(): Promise<Inside> {
    const { hostname, port } = this.#inside.addr as Deno.NetAddr;
    const end = await Deno.connect({ hostname, port });
    end.setNoDelay(true);
    try {
      for (;;) {
        const tls = await this.#inside.accept();
        if ((tls.remoteAddr as Deno.NetAddr).port === end.localAddr.port) return { end, tls };
        tls.close();
      }
    } catch (error) {
      end.close();
      throw error;
    }
  }
}
