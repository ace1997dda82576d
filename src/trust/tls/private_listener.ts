import { getLogger } from "@logtape/logtape";
import { delay } from "../../async/retry.ts";
import { messageOf } from "../../fault.ts";
import type { Address } from "../../wire/address.ts";
import type { Socket, TransportListener } from "../../wire/transport.ts";
import { DirectListener } from "./direct_listener.ts";
import { GatedListener } from "./gated_listener.ts";
import type { Presented } from "./certificates.ts";

const log = getLogger(["shoal", "trust", "listener"]);

/** Callers at a time that may leave a handshake unfinished; with more, others come in by the gate. */
export const HANDSHAKES_MOST = 32;
/** A pause before the port is asked for again that was just given up, in milliseconds. */
const AGAIN_MS = 5;

interface PrivateListenerOptions {
  /** True if much will be sent: then there is no gate until callers abuse that. */
  bulk: boolean;
  /** The certificate that callers are shown. */
  presented: Presented;
}

/**
 * A listener for the members of a private swarm, in one of two ways. Through a gate, a caller that
 * leaves a handshake unfinished is closed on; but each byte is copied twice more. Without one, sockets
 * of such callers pile up. So where much is sent it begins without, and changes when there are too many.
 */
export class PrivateListener implements TransportListener {
  readonly address: Address;
  readonly #presented: Presented;
  readonly #closing = new AbortController();
  #listener: TransportListener;
  /** While it changes over to the gate. */
  #changing: Promise<void> | undefined;

  /** Throws a `network` Fault when the address can't be listened on. */
  constructor(address: Address, { bulk, presented }: PrivateListenerOptions) {
    this.#presented = presented;
    this.#listener = bulk ? this.#direct(address) : new GatedListener(address, presented);
    this.address = this.#listener.address;
  }

  async accept(): Promise<Socket> {
    for (;;) {
      const listener = this.#listener;
      try {
        return await listener.accept();
      } catch (error) {
        await this.#changing;
        if (listener === this.#listener) throw error;
      }
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#changing;
    await this.#listener.close();
  }

  #direct(address: Address): DirectListener {
    return new DirectListener(address, this.#presented, (held) => {
      if (held <= HANDSHAKES_MOST || this.#changing) return;
      const what =
        "{n} callers left TLS handshakes unfinished: others come in by a gate from now on";
      log.warning(what, { n: held });
      this.#changing = this.#putGate();
    });
  }

  /** The system gives the port back a moment after it was given up. */
  async #putGate(): Promise<void> {
    await this.#listener.close();
    for (let tries = 1; !this.#closing.signal.aborted; tries++) {
      try {
        this.#listener = new GatedListener(this.address, this.#presented);
        return;
      } catch (error) {
        if (tries === 20) log.error("cannot listen anew: {why}", { why: messageOf(error) });
        await delay(AGAIN_MS * Math.min(tries, 200), this.#closing.signal).catch(() => {});
      }
    }
  }
}
