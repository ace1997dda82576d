import { Connection } from "../wire/connection.ts";
import { type Address, formatAddress } from "../wire/address.ts";
import { isLinkLocal, isLoopback } from "../wire/ip_address.ts";
import type { Transport } from "../wire/transport.ts";
import { Fault, messageOf } from "../fault.ts";
import { delay } from "../async/retry.ts";
import { ADDRESSES_CAP } from "./key_exchange.ts";

/** Time until the next address is tried beside those before it, in milliseconds (RFC 8305). */
const NEXT_MS = 250;
/** Time for an address to answer, in milliseconds. */
const REACH_MS = 10_000;

/**
 * The hosts by which others may reach this machine, the most useful first: the one that the
 * connection to the bootstrap has, the machine's other addresses, and loopback for receivers on this
 * very machine.
 */
export function ownHosts(local: string): string[] {
  const hosts = Deno.networkInterfaces().map(({ address }) => address)
    .filter((host) => !isLinkLocal(host) && !isLoopback(host));
  const first = isLoopback(local) ? [] : [local];
  return [...new Set([...first, ...hosts.slice(0, ADDRESSES_CAP - 2), "127.0.0.1"])];
}

/**
 * The first address at which the private swarm of `transport` answers; each is tried once those
 * before it failed or are slow. Throws a `network` Fault that says why each failed, and the signal's
 * reason.
 */
export async function firstThatAnswers(
  addresses: Address[],
  transport: Transport,
  signal: AbortSignal,
): Promise<Address> {
  const ending = new AbortController();
  const either = AbortSignal.any([signal, ending.signal]);
  let previous = Promise.resolve();
  const tries = addresses.map((address) => {
    const reached = previous.then(async () => {
      const options = { transport, ms: REACH_MS, signal: either };
      (await Connection.open(address, options)).close();
      return address;
    });
    const failed = reached.then(() => {}, () => {});
    previous = previous.then(() => Promise.race([failed, delay(NEXT_MS, either).catch(() => {})]));
    return reached;
  });
  try {
    return await Promise.any(tries);
  } catch (cause) {
    signal.throwIfAborted();
    const { errors = [] } = cause as AggregateError;
    const why = addresses.map((address, at) => {
      const text = messageOf(errors[at]).replace(/^Cannot connect to \S+: /, "");
      return `${formatAddress(address)}: ${text}`;
    });
    throw new Fault("network", `Cannot reach the sender (${why.join("; ")})`, {
      cause,
      next: "use a network that both are in, or have the sender forward a port",
    });
  } finally {
    ending.abort();
    for (const one of tries) one.catch(() => {});
  }
}
