import type { Address } from "../wire/address.ts";
import { isSameHost } from "../wire/ip_address.ts";
import { type LookUp, lookUp } from "../wire/look_up.ts";

/** Time for which a resolved name is remembered, in milliseconds. */
const REMEMBERED_MS = 60_000;

/**
 * The addresses at which peers reach this bootstrap. A registration names the one that its peer
 * dialled: another address is that of a relay, which would speak for the peer here.
 */
export class OwnAddresses {
  readonly #advertised: Address[];
  readonly #resolve: LookUp;
  readonly #now: () => number;
  readonly #known = new Map<string, { hosts: Promise<string[]>; until: number }>();

  /**
   * `advertised` are those that the system doesn't know of, such as a router's that forwards to it.
   * `now` never goes back, in milliseconds.
   */
  constructor(
    advertised: Address[] = [],
    { resolve = lookUp, now = () => performance.now() }: {
      resolve?: LookUp;
      now?: () => number;
    } = {},
  ) {
    this.#advertised = advertised;
    this.#resolve = resolve;
    this.#now = now;
  }

  /** True if `dialled` leads here: `local` is this end of the connection that it was said on. */
  async has(dialled: Address, local: Address): Promise<boolean> {
    if (dialled.port === local.port && isSameHost(dialled.host, local.host)) return true;
    for (const { host, port } of this.#advertised) {
      if (port !== dialled.port) continue;
      const hosts = await this.#hostsOf(host);
      if (hosts.some((one) => isSameHost(one, dialled.host))) return true;
    }
    return false;
  }

  #hostsOf(name: string): Promise<string[]> {
    const now = this.#now();
    const known = this.#known.get(name);
    if (known && now < known.until) return known.hosts;
    const hosts = this.#resolve(name).catch(() => []);
    this.#known.set(name, { hosts, until: now + REMEMBERED_MS });
    return hosts;
  }
}
