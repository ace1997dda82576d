import { getLogger } from "@logtape/logtape";
import { messageOf } from "../fault.ts";
import type { Address } from "../wire/address.ts";
import { listenOn, type TransportListener } from "../wire/transport.ts";
import { atTime } from "./at_time.ts";
import type { Leaf } from "./swarm_authority.ts";

const log = getLogger(["shoal", "trust", "listener"]);

/** A pause before the port is asked for again that was just given up, in milliseconds. */
const AGAIN_MS = 20;

/** Listens with TLS. What it presents can change: then it listens anew on the same port. */
export class PrivateListener implements TransportListener {
  readonly address: Address;
  readonly #presented: () => { leaf: Leaf; until: number };
  readonly #now: () => number;
  readonly #closing = new AbortController();
  #listener: Deno.TlsListener;
  /** While it listens anew. */
  #changing: Promise<void> | undefined;

  /** Throws a `network` Fault when the address can't be listened on. */
  constructor(
    { host, port }: Address,
    presented: () => { leaf: Leaf; until: number },
    now: () => number,
  ) {
    this.#presented = presented;
    this.#now = now;
    const { leaf, until } = presented();
    this.#listener = listenOn({ host, port }, (address) => listenTls(address, leaf));
    const { hostname, port: real } = this.#listener.addr as Deno.NetAddr;
    this.address = { host: hostname, port: real };
    this.#changeAt(until);
  }

  async accept(): Promise<Deno.Conn> {
    for (;;) {
      const listener = this.#listener;
      try {
        return await listener.accept();
      } catch (error) {
        if (!this.#changing && listener === this.#listener) throw error;
        await this.#changing;
      }
    }
  }

  close(): void {
    this.#closing.abort();
    this.#closeListener();
  }

  #changeAt(until: number): void {
    if (until === Infinity) return;
    const change = () => {
      this.#changing = this.#change().finally(() => this.#changing = undefined);
    };
    atTime(until, change, { now: this.#now, signal: this.#closing.signal });
  }

  /** The system gives the port back a moment after it was given up. */
  async #change(): Promise<void> {
    this.#closeListener();
    const { leaf, until } = this.#presented();
    for (let tries = 0; !this.#closing.signal.aborted; tries++) {
      try {
        this.#listener = listenTls(this.address, leaf);
        this.#changeAt(until);
        return;
      } catch (error) {
        if (tries === 10) log.warning("cannot listen anew: {why}", { why: messageOf(error) });
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS * Math.min(tries + 1, 50)));
      }
    }
  }

  #closeListener(): void {
    try {
      this.#listener.close();
    } catch {
      // It was closed to listen anew.
    }
  }
}

function listenTls({ host, port }: Address, leaf: Leaf): Deno.TlsListener {
  return Deno.listenTls({ hostname: host, port, ...leaf });
}
