import { isIP } from "node:net";

const LOOPBACK = /^(127(\.\d{1,3}){3}|\[::1\]|localhost)$/;

/** The name or address in a Host header, without its port; undefined when it is none. */
function hostName(header: string): string | undefined {
  return /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?$/i.exec(header)?.[1];
}

/** True for the names of this machine's loopback. */
export function isLoopback(header: string): boolean {
  return LOOPBACK.test(hostName(header) ?? "");
}

/**
 * True if a request with this Host may be served. A page of another site, rebound to this address,
 * still says its own name. An address can't be rebound, so where others may come, addresses are
 * served, too, and the name that was asked for with `--ui-host`.
 */
export function isOwnHost(header: string, served: string): boolean {
  if (isLoopback(header)) return true;
  if (isLoopbackAddress(served)) return false;
  const name = hostName(header)?.replace(/^\[(.*)\]$/, "$1");
  return name !== undefined && (isIP(name) !== 0 || name.toLowerCase() === served.toLowerCase());
}

/** True for an address or name to listen on that only this machine can reach. */
export function isLoopbackAddress(host: string): boolean {
  return LOOPBACK.test(host.includes(":") ? `[${host}]` : host);
}
