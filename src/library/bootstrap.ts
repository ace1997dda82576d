import { MemoryRegistry } from "../bootstrap/memory_registry.ts";
import type { BootstrapObserver } from "../bootstrap/observer.ts";
import type { Registry } from "../bootstrap/registry.ts";
import { BootstrapServer } from "../bootstrap/server.ts";
import type { RelayLimits } from "../meet/relay.ts";
import { BOOTSTRAP_PORT, parseAddress } from "../peer/api/settings.ts";
import { absolutePath } from "../system/paths.ts";
import { formatAddress } from "../wire/address.ts";
import { EVERYWHERE } from "../wire/wildcard_host.ts";
import { transportOf } from "./transport_of.ts";

/** The settings of a bootstrap. All have a default. */
export interface BootstrapSettings {
  /** The address to listen at: one of this machine, or `*` for all. @default {"*"} */
  host?: string;
  /** The port to listen at; 0 is any free one. @default {8000} */
  port?: number;
  /** `HOST:PORT` at which peers reach it, where the system doesn't know of that. Default none. */
  advertise?: string[];
  /** The path of a private swarm's key file. Default none: an open swarm. */
  swarmKey?: string;
  /**
   * The registry that it shares with other bootstraps. Ending that is the caller's. Default one of its
   * own, in memory.
   *
   * @internal
   */
  registry?: Registry;
  /** The limits of what it passes on between peers that have no other way. Default it passes on nothing. */
  relay?: RelayLimits;
  /** Hears of all that is answered. Default nobody. */
  observer?: BootstrapObserver;
}

/**
 * A meeting point for peers, in this process. It knows the peers and what they announce, and no
 * contents.
 *
 * @example Start one on a free port
 * ```ts
 * import { Bootstrap } from "shoal";
 *
 * await using bootstrap = await Bootstrap.start({ host: "127.0.0.1", port: 0 });
 * if (!/^127\.0\.0\.1:\d+$/.test(bootstrap.address)) throw new Error(bootstrap.address);
 * ```
 */
export class Bootstrap implements AsyncDisposable {
  readonly #server: BootstrapServer;
  /** The first 16 hex digits that tell this private swarm from others; undefined in an open one. */
  readonly fingerprint: string | undefined;

  private constructor(server: BootstrapServer, fingerprint: string | undefined) {
    this.#server = server;
    this.fingerprint = fingerprint;
  }

  /**
   * Begins to listen. Throws a {@link Fault}: `usage` for a setting or key that can't be used, and
   * `network` when the address can't be listened at.
   */
  static async start(settings: BootstrapSettings = {}): Promise<Bootstrap> {
    const { host = EVERYWHERE, port = BOOTSTRAP_PORT, swarmKey, relay, observer } = settings;
    const advertise = settings.advertise?.map((text) => parseAddress(text, port));
    const transport = await transportOf({ swarmKey: swarmKey && absolutePath(swarmKey) });
    const server = BootstrapServer.start({
      host,
      port,
      transport,
      advertise,
      observer,
      relay,
      registry: settings.registry ?? new MemoryRegistry(),
    });
    return new Bootstrap(server, transport?.fingerprint);
  }

  /** `HOST:PORT` that it listens at, with the port that it got. */
  get address(): string {
    return formatAddress(this.#server.address);
  }

  /** The number of open connections. */
  get connectionCount(): number {
    return this.#server.connectionCount;
  }

  /** The pairs of peers that it relays for, and the bytes that it has passed on; 0 where it doesn't. */
  get relayed(): { pairs: number; bytes: number } {
    return this.#server.relayed;
  }

  /** The numbers of peers that are registered, and of names that they announce. */
  get counts(): { peers: number; names: number } {
    return this.#server.counts;
  }

  /** Stops listening, ends all connections, and resolves when nothing runs any more. */
  async close(): Promise<void> {
    await this.#server.stop();
  }

  /** As {@link Bootstrap.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
