import type { HonoRequest } from "hono";
import { quoted } from "../fault.ts";
import { isLoopback, isSameHost } from "../wire/ip_address.ts";
import { isIP } from "node:net";
import { isOwnHost } from "./own_host.ts";
import { parseOrigin } from "./parse_origin.ts";

/** Most proxies in a row that a request is followed back through. */
const HOPS_CAP = 8;

export interface OwnOriginsOptions {
  /** The host of the page: an address or name without a port. */
  host: string;
  /** The origins that it has besides, behind a proxy or a name: see {@link parseOrigin}. */
  origins?: readonly string[] | undefined;
  /** Addresses of reverse proxies on other machines. Those on loopback need not be named. */
  proxies?: readonly string[] | undefined;
}

/**
 * The names that the page answers to, and the addresses of its clients. A page of another site that was
 * rebound to this address still says its own name; so a name has to be known.
 */
export class OwnOrigins {
  readonly #host: string;
  readonly #origins: ReadonlySet<string>;
  readonly #names: ReadonlySet<string>;
  readonly #proxies: readonly string[];

  constructor({ host, origins = [], proxies = [] }: OwnOriginsOptions) {
    this.#host = host;
    this.#origins = new Set(origins);
    this.#names = new Set(origins.map((origin) => new URL(origin).host));
    this.#proxies = proxies;
  }

  /** The status and the reason for a request that is not answered; undefined for one that may be. */
  refusal(req: HonoRequest): { status: 403 | 421; message: string } | undefined {
    const host = req.header("host") ?? "";
    if (!isOwnHost(host, this.#host) && !this.#names.has(host.toLowerCase())) {
      const scheme = req.header("x-forwarded-proto") === "https" ? "https" : "http";
      return {
        status: 421,
        message: `The page is not served as ${quoted(host)}. ${hint(host, scheme)}`,
      };
    }
    const origin = req.header("origin");
    if (origin === undefined || origin === `http://${host}` || this.#origins.has(origin)) return;
    const [, scheme = "http", name = ""] = /^(https?):\/\/(.*)$/.exec(origin) ?? [];
    const message = `Requests of ${quoted(origin)} are not served. ${hint(name, scheme)}`;
    return { status: 403, message };
  }

  /**
   * The address of a client. What X-Forwarded-For says counts where the connection comes from a proxy:
   * one that was named or, where an origin was, one on this machine.
   */
  clientOf(remote: string, forwardedFor: string | undefined): string {
    const hops = (forwardedFor ?? "").split(",").map((hop) => hop.trim()).slice(-HOPS_CAP);
    let client = remote;
    while (this.#isProxy(client)) {
      const before = hops.pop() ?? "";
      if (isIP(before) === 0) return client;
      client = before;
    }
    return client;
  }

  #isProxy(address: string): boolean {
    return this.#proxies.some((proxy) => isSameHost(proxy, address)) ||
      this.#origins.size > 0 && isLoopback(address);
  }
}

/** The next step for a name that is the page's own; nothing for one that can't be. */
function hint(host: string, scheme: string): string {
  try {
    const origin = parseOrigin(`${scheme}://${host}`);
    return `If that is its name, start the peer with --ui-origin ${origin}, or set ui_origin in the config file.`;
  } catch {
    return "";
  }
}
