/** TLS in which the callee proves that it is the peer with a certain id. */
import { Fault, messageOf } from "../../fault.ts";
import type { Socket } from "../../wire/transport.ts";
import type { Identity } from "../identity.ts";
import type { Presented } from "./certificates.ts";

export class PinnedTls {
  readonly #identity: Identity;
  #presented: Promise<Presented> | undefined;

  constructor(identity: Identity) {
    this.#identity = identity;
  }

  /**
   * Begins TLS as the caller of one of `peers`, over the socket that `connect` gives; nothing is left
   * open after a failure. Throws a Fault when none of them has a key, or another peer answers; the
   * signal's reason; or what the handshake failed with.
   */
  async call(
    connect: () => Promise<Socket>,
    peers: Iterable<string>,
    signal: AbortSignal,
  ): Promise<Socket> {
    // The X.509 library takes longer to load than all the rest.
    const [{ authoritiesOf }, { callTlsOver }] = await Promise.all([
      import("./peer_certificate.ts"),
      import("./tls_over.ts"),
    ]);
    const caCerts = await authoritiesOf(peers);
    if (caCerts.length === 0) throw new Fault("network", "nobody says which peer is there");
    const socket = await connect();
    try {
      return await callTlsOver(socket, caCerts, signal);
    } catch (cause) {
      signal.throwIfAborted();
      if (!/invalid peer certificate/.test(messageOf(cause))) throw cause;
      throw new Fault("network", "it is another peer, or has not proven its id", { cause });
    }
  }

  /** The certificate that this peer presents, made when it is first needed. */
  presented(): Promise<Presented> {
    this.#presented ??= import("./peer_certificate.ts")
      .then(({ presentPeer }) => presentPeer(this.#identity));
    this.#presented.catch(() => this.#presented = undefined);
    return this.#presented;
  }
}
