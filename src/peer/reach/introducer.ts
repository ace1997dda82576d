import { Fault, messageOf } from "../../fault.ts";
import { toHex } from "../../content/hex.ts";
import { Refusal } from "../../wire/caller.ts";
import type { Address } from "../../wire/connection.ts";
import type { Way } from "../../wire/protocol.ts";
import type { BootstrapClient } from "../discovery/bootstrap_client.ts";

/** Two peers that were told of each other. */
export interface Introduction {
  /** The secret with which they meet. */
  token: string;
  /** The IP address of the bootstrap. */
  at: Address;
  /** The member of a private swarm that relays in its place. */
  relay?: Address;
}

/** Has bootstraps tell other peers that this one wants to reach them. */
export class Introducer {
  readonly #bootstraps: readonly Pick<BootstrapClient, "reach">[];

  constructor(bootstraps: readonly Pick<BootstrapClient, "reach">[]) {
    this.#bootstraps = bootstraps;
  }

  /**
   * Tells a peer, by the first bootstrap that can. Throws a
   * `network` Fault that says why none can, `lacking` for one that offers no such way; or the signal's
   * reason.
   */
  async introduce(
    peer: string,
    way: Way,
    { lacking, port, onToken, signal }: {
      lacking: string;
      /** Where this peer listens. */
      port?: number;
      /** Hears of the secret before the other peer does. */
      onToken?: (token: string) => void;
      signal: AbortSignal;
    },
  ): Promise<Introduction> {
    let why = "it keeps no connection to this peer's bootstraps";
    for (const bootstrap of this.#bootstraps) {
      const token = toHex(crypto.getRandomValues(new Uint8Array(16)));
      onToken?.(token);
      try {
        const { ways, ...where } = await bootstrap.reach({ peer, token, ways: [way], port }, {
          signal,
        });
        if (ways.includes(way)) return { token, ...where };
        why = lacking;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof Refusal) || error.code !== "not_registered") why = messageOf(error);
      }
    }
    throw new Fault("network", why);
  }
}
