import type { Address } from "../../wire/address.ts";
import { listenOn, type Socket, type TransportListener } from "../../wire/transport.ts";
import type { Presented } from "./certificates.ts";
import { Gate } from "./gate.ts";
import { LoopbackTls } from "./loopback_tls.ts";

/**
 * A listener where it is told to listen, and one with TLS on loopback; a {@link Gate} leads from one to
 * the other for each connection.
 */
export class GatedListener implements TransportListener {
  readonly address: Address;
  readonly #outside: Deno.TcpListener;
  readonly #inside: LoopbackTls;
  readonly #gates = new Set<Gate>();

  /** Throws a `network` Fault when the address can't be listened on. */
  constructor(address: Address, presented: Presented) {
    const listen = ({ host, port }: Address) => Deno.listen({ hostname: host, port });
    this.#outside = listenOn(address, listen);
    this.#inside = new LoopbackTls(presented);
    const { hostname, port } = this.#outside.addr;
    this.address = { host: hostname, port };
  }

  async accept(): Promise<Socket> {
    const gate = new Gate(await this.#outside.accept(), () => this.#inside.enter());
    this.#gates.add(gate);
    gate.ended.finally(() => this.#gates.delete(gate));
    return gate;
  }

  async close(): Promise<void> {
    this.#outside.close();
    const inside = this.#inside.close();
    for (const gate of this.#gates) gate.abort();
    await Promise.allSettled([inside, ...[...this.#gates].map(({ ended }) => ended)]);
  }
}
