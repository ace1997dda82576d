import type { Address } from "../wire/address.ts";
import type { Socket, TransportListener } from "../wire/transport.ts";

/**
 * Listens with TLS itself: the fastest way. But a connection that is closed before its caller said
 * anything lives on until the other end leaves, so those whose handshake isn't over are counted.
 */
export class DirectListener implements TransportListener {
  readonly address: Address;
  readonly #listener: Deno.TlsListener;
  readonly #onAccept: (unsettled: number) => void;
  #unsettled = 0;

  /** `onAccept` is told of how many connections the handshake is not over, given up or not. */
  constructor(listener: Deno.TlsListener, onAccept: (unsettled: number) => void) {
    this.#listener = listener;
    this.#onAccept = onAccept;
    const addr = listener.addr as Deno.NetAddr;
    this.address = { host: addr.hostname, port: addr.port };
  }

  async accept(): Promise<Socket> {
    const tls = await this.#listener.accept();
    this.#onAccept(++this.#unsettled);
    return new DirectSocket(tls, () => this.#unsettled--);
  }

  close(): Promise<void> {
    return Promise.resolve(this.#listener.close());
  }
}

/** A TLS connection that tells when its handshake is over. */
class DirectSocket implements Socket {
  readonly remoteAddr: Deno.Addr;
  readonly localAddr: Deno.Addr;
  readonly #tls: Deno.TlsConn;
  #settle: (() => void) | undefined;
  #closed = false;

  constructor(tls: Deno.TlsConn, settle: () => void) {
    this.#tls = tls;
    this.#settle = settle;
    this.remoteAddr = tls.remoteAddr;
    this.localAddr = tls.localAddr;
  }

  read(into: Uint8Array): Promise<number | null> {
    const reading = this.#tls.read(into);
    if (this.#settle) {
      const settled = () => {
        if (this.#closed) return;
        this.#settle?.();
        this.#settle = undefined;
      };
      reading.then(settled, settled);
    }
    return reading;
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#tls.write(bytes);
  }

  close(): void {
    this.#closed = true;
    this.#tls.close();
  }
}
