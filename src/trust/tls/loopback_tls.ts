import { Mutex } from "../../async/mutex.ts";
import type { Presented } from "./certificates.ts";
import type { Inside } from "./gate.ts";

/** A listener with TLS on loopback, for connections that this process makes to it. */
export class LoopbackTls {
  readonly #listener: Deno.TlsListener;
  /** Makes each connection wait for the one before, so that it is known which is which. */
  readonly #entering = new Mutex();

  constructor(presented: Presented) {
    this.#listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...presented });
  }

  /** Makes a connection. Others on this machine may connect there, and get nowhere. */
  enter(): Promise<Inside> {
    return this.#entering.run(async () => {
      const { hostname, port } = this.#listener.addr as Deno.NetAddr;
      const end = await Deno.connect({ hostname, port });
      end.setNoDelay(true);
      try {
        for (;;) {
          const tls = await this.#listener.accept();
          if ((tls.remoteAddr as Deno.NetAddr).port === end.localAddr.port) return { end, tls };
          tls.close();
        }
      } catch (error) {
        end.close();
        throw error;
      }
    });
  }

  /** Resolves when no connection is being made any more. */
  async close(): Promise<void> {
    this.#listener.close();
    await this.#entering.idle();
  }
}
