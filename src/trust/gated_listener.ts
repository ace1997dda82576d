import { getLogger } from "@logtape/logtape";
import { messageOf } from "../fault.ts";
import type { Address } from "../wire/address.ts";
import { listenOn, type Socket, type TransportListener } from "../wire/transport.ts";
import { atTime } from "./at_time.ts";
import { Gate, type Inside } from "./gate.ts";
import type { Presented } from "./private_listener.ts";

const log = getLogger(["shoal", "trust", "gate"]);

/**
 * Listens where it is told to, and with TLS on loopback; a {@link Gate} leads from one to the other for
 * each connection. When another certificate is to be shown, only the inside is made anew.
 */
export class GatedListener implements TransportListener {
  readonly address: Address;
  readonly #presented: () => Presented;
  readonly #now: () => number;
  readonly #closing = new AbortController();
  readonly #outside: Deno.TcpListener;
  readonly #gates = new Set<Gate>();
  #inside: Deno.TlsListener;
  /** Whoever enters, or changes the inside, waits for those before. */
  #entering: Promise<unknown> = Promise.resolve();

  /** Throws a `network` Fault when the address can't be listened on. */
  constructor(address: Address, presented: () => Presented, now: () => number) {
    this.#presented = presented;
    this.#now = now;
    this.#outside = listenOn(
      address,
      ({ host, port }) => Deno.listen({ hostname: host, port }),
    );
    const { hostname, port } = this.#outside.addr;
    this.address = { host: hostname, port };
    this.#inside = this.#listenInside();
  }

  async accept(): Promise<Socket> {
    const gate = new Gate(await this.#outside.accept(), () => this.#inTurn(() => this.#enter()));
    this.#gates.add(gate);
    gate.ended.finally(() => this.#gates.delete(gate));
    return gate;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#outside.close();
    this.#inside.close();
    for (const gate of this.#gates) gate.abort();
    await Promise.allSettled([this.#entering, ...[...this.#gates].map(({ ended }) => ended)]);
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

  #listenInside(): Deno.TlsListener {
    const { leaf, until } = this.#presented();
    const { signal } = this.#closing;
    const change = () =>
      this.#inTurn(() => {
        if (signal.aborted) return;
        this.#inside.close();
        this.#inside = this.#listenInside();
      }).catch((error) => log.error("cannot listen anew: {why}", { why: messageOf(error) }));
    if (until < Infinity) atTime(until, change, { now: this.#now, signal });
    return Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...leaf });
  }

  #inTurn<T>(act: () => Promise<T> | T): Promise<T> {
    const acting = this.#entering.then(act);
    this.#entering = acting.catch(() => {});
    return acting;
  }
}
