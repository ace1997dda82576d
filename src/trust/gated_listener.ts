import { getLogger } from "@logtape/logtape";
import { messageOf } from "../fault.ts";
import type { Address } from "../wire/address.ts";
import { listenOn, type Socket, type TransportListener } from "../wire/transport.ts";
import { Gate, type Inside } from "./gate.ts";
import { Mutex } from "../async/mutex.ts";

const log = getLogger(["shoal", "trust", "gate"]);

/**
 * Listens where it is told to, and with TLS on loopback; a {@link Gate} leads from one to the other for
 * each connection. Only the inside is ever made anew, and nobody notices.
 */
export class GatedListener implements TransportListener {
  readonly address: Address;
  readonly #listenInside: (address: Address, renew: () => void) => Deno.TlsListener;
  readonly #outside: Deno.TcpListener;
  readonly #gates = new Set<Gate>();
  #inside: Deno.TlsListener;
  #closed = false;
  /** Whoever enters, or changes the inside, waits for those before. */
  readonly #entering = new Mutex();

  /**
   * `listenInside` listens with TLS, and calls `renew` when that is to be done once more. Throws a
   * `network` Fault when the address can't be listened on.
   */
  constructor(
    address: Address,
    listenInside: (address: Address, renew: () => void) => Deno.TlsListener,
  ) {
    this.#listenInside = listenInside;
    this.#inside = this.#enterable();
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
    this.#closed = true;
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

  #enterable(): Deno.TlsListener {
    return this.#listenInside({ host: "127.0.0.1", port: 0 }, () => {
      this.#entering.run(() => {
        if (this.#closed) return;
        const before = this.#inside;
        this.#inside = this.#enterable();
        before.close();
      }).catch((error) => log.error("cannot listen anew: {why}", { why: messageOf(error) }));
    });
  }
}
