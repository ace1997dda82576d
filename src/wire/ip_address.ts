/** IP addresses as other programs write them, compared and grouped by what they mean. */
import ipaddr from "ipaddr.js";

/** An address in one of its many spellings; undefined for what is no IP address, such as a name. */
function parse(host: string) {
  // An IPv4 address that is written as an IPv6 one (::ffff:192.0.2.1) is the IPv4 address.
  return ipaddr.isValid(host) ? ipaddr.process(host) : undefined;
}

/** True for an IP address of the machine itself, in any spelling. */
export function isLoopback(host: string): boolean {
  return parse(host)?.range() === "loopback";
}

/** True for an address that means something on one network link alone. */
export function isLinkLocal(host: string): boolean {
  return parse(host)?.range() === "linkLocal";
}

/** The reach of addresses of a range, from this machine alone to everywhere; those of others do that. */
const REACH: Record<string, number> = {
  loopback: 0,
  linkLocal: 1,
  private: 2,
  uniqueLocal: 2,
  carrierGradeNat: 2,
};
const EVERYWHERE = 3;
/** Ranges of addresses that are nobody's, or everybody's. */
const NOBODYS = ["unspecified", "broadcast", "multicast"];

/**
 * True if a machine at `teller` may name `host` to others: an IP address that reaches at least as far
 * as its own. So nobody outside of a network or a machine has something inside of it called.
 */
export function isInScope(host: string, teller: string): boolean {
  const [told, own] = [parse(host)?.range(), parse(teller)?.range()];
  if (told === undefined || own === undefined || NOBODYS.includes(told)) return false;
  return (REACH[told] ?? EVERYWHERE) >= (REACH[own] ?? EVERYWHERE);
}

/** True when both are the same IP address. Names are never the same. */
export function isSameHost(a: string, b: string): boolean {
  const [one, other] = [parse(a), parse(b)];
  return one !== undefined && one.toNormalizedString() === other?.toNormalizedString();
}

/**
 * The group under which callers are counted: an IPv4 address, or the /64 of an IPv6 address, since
 * that is the least that one subscriber is given. Undefined for loopback, which stands for any
 * number of peers on this machine, and for none elsewhere.
 */
export function groupOf(host: string): string | undefined {
  const address = parse(host);
  if (!address) return host;
  if (address.range() === "loopback") return undefined;
  if (address instanceof ipaddr.IPv4) return address.toString();
  const network = address.parts.slice(0, 4).map((part) => part.toString(16)).join(":");
  return `${network}::/64`;
}

/** True for an IP address, and false for a name. */
export function isIpAddress(host: string): boolean {
  return parse(host) !== undefined;
}

/** True for an address of the public internet. */
export function isPublic(host: string): boolean {
  return parse(host)?.range() === "unicast";
}
