import { getLogger } from "@logtape/logtape";
import { messageOf } from "../fault.ts";
import type { Address } from "../wire/address.ts";
import { listenOn, type Socket, type TransportListener } from "../wire/transport.ts";
import { DirectListener } from "./direct_listener.ts";
import { GatedListener } from "./gated_listener.ts";
import { type LeafFor, listenByName } from "./listen_by_name.ts";

const log = getLogger(["shoal", "trust", "listener"]);

/** PartialDownloads handshakes that are taken for chance; with more, callers come in by the gate. */
export const HANDSHAKES_MOST = 32;
/** A pause before the port is asked for again that was just given up, in milliseconds. */
const AGAIN_MS = 5;
/** Names in the runtime's memory, by which callers asked, before it is made to forget them. */
export const NAMES_MOST = 4_096;

export interface PrivateListenerOptions {
  /** Much will be sent: listen without a gate for as long as nobody abuses that. */
  bulk: boolean;
  /** What is shown to a caller. */
  leafFor: LeafFor;
  /** Names that are asked for before it listens anew. @default NAMES_MOST */
  namesMost?: number;
}

/**
 * Listens for the members of a private swarm, in one of two ways. Through a gate, whoever leaves a
 * handshake unfinished is closed on; but each byte is copied twice more. Without one, sockets of such
 * callers pile up. So where much is sent it begins without, and changes when there are too many.
 */
export class PrivateListener implements TransportListener {
  readonly address: Address;
  readonly #options: PrivateListenerOptions;
  readonly #closing = new AbortController();
  #listener: TransportListener;
  /** While it listens anew. */
  #changing: Promise<void> | undefined;

  /** Throws a `network` Fault when the address can't be listened on. */
  constructor(address: Address, options: PrivateListenerOptions) {
    this.#options = options;
    const make = options.bulk ? this.#direct : this.#gated;
    this.#listener = listenOn(address, make);
    this.address = this.#listener.address;
  }

  async accept(): Promise<Socket> {
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

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#changing;
    await this.#listener.close();
  }

  #gated = (address: Address): TransportListener =>
    new GatedListener(address, (inside, renew) => this.#listenByName(inside, renew));

  #direct = (address: Address): TransportListener => {
    const renew = () => made === this.#listener && this.#change(this.#direct);
    const made = new DirectListener(this.#listenByName(address, renew), (unsettled) => {
      if (unsettled <= HANDSHAKES_MOST || made !== this.#listener) return;
      log.warning(
        "{n} callers left TLS handshakes unfinished: others come in by a gate from now on",
        { n: unsettled },
      );
      this.#change(this.#gated);
    });
    return made;
  };

  #listenByName(address: Address, onMost: () => void): Deno.TlsListener {
    const { leafFor, namesMost = NAMES_MOST } = this.#options;
    return listenByName(address, leafFor, { most: namesMost, onMost });
  }

  #change(make: (address: Address) => TransportListener): void {
    if (this.#changing) return;
    this.#changing = this.#listenAnew(make).finally(() => this.#changing = undefined);
  }

  /** The system gives the port back a moment after it was given up. */
  async #listenAnew(make: (address: Address) => TransportListener): Promise<void> {
    await this.#listener.close();
    for (let tries = 1; !this.#closing.signal.aborted; tries++) {
      try {
        this.#listener = make(this.address);
        return;
      } catch (error) {
        if (tries === 20) log.error("cannot listen anew: {why}", { why: messageOf(error) });
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS * Math.min(tries, 200)));
      }
    }
  }
}
