import { isLinkLocal, isLoopback } from "../wire/ip_address.ts";
import { ADDRESSES_CAP } from "./key_exchange.ts";

/**
 * The hosts by which others may reach this machine, the most useful first: the one that the
 * connection to the bootstrap has, if there is one, the machine's other addresses, and loopback for receivers on this
 * very machine.
 */
export function ownHosts(local = "127.0.0.1"): string[] {
  const hosts = Deno.networkInterfaces().map(({ address }) => address)
    .filter((host) => !isLinkLocal(host) && !isLoopback(host));
  const first = isLoopback(local) ? [] : [local];
  return [...new Set([...first, ...hosts.slice(0, ADDRESSES_CAP - 2), "127.0.0.1"])];
}
