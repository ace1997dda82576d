/**
 * The addresses that a bootstrap may call: never one only because a caller named it, since it could
 * be a machine behind the bootstrap's own firewall, or a stranger to be pestered.
 */
import type { Address } from "../wire/connection.ts";
import { isLinkLocal, isLoopback, isSameHost } from "../wire/ip_address.ts";
import { type LookUp, lookUp } from "../wire/look_up.ts";

/**
 * The addresses among those that `advertised` stands for at which the peer may be called: the one that
 * it registered from, whatever it is; and if it registered from this machine, those of this machine
 * that others can use. As IP addresses, so that a name can't stand for something else a moment later.
 */
export async function callableAddresses(
  advertised: Address,
  seen: string,
  { resolve = lookUp, own = ownAddresses }: { resolve?: LookUp; own?: () => string[] } = {},
): Promise<Address[]> {
  const hosts = await resolve(advertised.host);
  const here = own();
  const isHere = isLoopback(seen) || here.some((one) => isSameHost(one, seen));
  return hosts.filter((host) =>
    isSameHost(host, seen) || isHere && here.some((one) => isSameHost(one, host))
  ).map((host) => ({ host, port: advertised.port }));
}

/** This machine's addresses, but for those that mean another machine, or none, elsewhere. */
function ownAddresses(): string[] {
  return Deno.networkInterfaces().map(({ address }) => address)
    .filter((address) => !isLoopback(address) && !isLinkLocal(address));
}
