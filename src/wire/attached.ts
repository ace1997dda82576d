import ipaddr from "ipaddr.js";
import { isLinkLocal, isLoopback } from "./ip_address.ts";

/** Time for which the list of interfaces is remembered, in milliseconds. */
const REMEMBERED_MS = 1_000;

/** An address of this machine, and the network that it is in. */
export interface OwnAddress {
  host: string;
  /** Of the network: `192.168.1.7/24`. */
  cidr: string;
  family: "IPv4" | "IPv6";
  /** The number of the interface, where it is known. */
  scope?: number;
}

let known: { addresses: OwnAddress[]; until: number } | undefined;

/** The addresses of this machine's interfaces, as of a moment ago. */
export function ownAddresses(now = performance.now()): OwnAddress[] {
  if (known && now < known.until) return known.addresses;
  const addresses = interfaces().map(({ address, cidr, family, scopeid }) => ({
    host: address,
    cidr,
    family,
    ...scopeid ? { scope: scopeid } : {},
  }));
  known = { addresses, until: now + REMEMBERED_MS };
  return addresses;
}

/** Empty where the system doesn't tell. */
function interfaces(): Deno.NetworkInterfaceInfo[] {
  try {
    return Deno.networkInterfaces();
  } catch {
    return [];
  }
}

/** True if this machine has an address of that family that others could call, or can't tell. */
export function hasFamily(family: OwnAddress["family"]): boolean {
  const own = ownAddresses();
  return own.length === 0 ||
    own.some((one) => one.family === family && !isLoopback(one.host) && !isLinkLocal(one.host));
}

/** True for an IP address of this machine, or of a network that one of its interfaces is in. */
export function isAttached(host: string): boolean {
  if (!ipaddr.isValid(host)) return false;
  const address = ipaddr.process(host.replace(/%.*$/, ""));
  return ownAddresses().some(({ cidr }) => {
    if (!ipaddr.isValidCIDR(cidr)) return false;
    const [network, bits] = ipaddr.parseCIDR(cidr);
    return network.kind() === address.kind() && address.match(network, bits);
  });
}
