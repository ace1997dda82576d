import { abortable, delay } from "../async/retry.ts";
import type { Address } from "./address.ts";
import { hasFamily } from "./attached.ts";
import { isLoopback } from "./ip_address.ts";
import { type LookUp, lookUp } from "./look_up.ts";

/**
 * Time for which an address is tried alone before the next one is tried too, in milliseconds (RFC
 * 8305, section 5).
 */
const NEXT_MS = 250;
/** Addresses of one name that are tried at most. */
const MOST = 8;
/**
 * An address that needs no look-up: one of IPv6 has colons, and no name is made of digits and dots
 * alone.
 */
const IP_ADDRESS = /:|^[\d.]+$/;

/**
 * Opens a TCP connection. A name may stand for several addresses, and its server needn't be at each of
 * them: it may have IPv4 alone, where the host has both. They are tried in turn, of both kinds
 * alternately, each once the one before it failed or is slow, and the first that answers is taken (RFC
 * 8305). Throws the signal's reason, or what the first address failed with.
 */
export async function dial(
  { host, port }: Address,
  signal: AbortSignal,
  { resolve = lookUp }: { resolve?: LookUp } = {},
): Promise<Deno.TcpConn> {
  if (IP_ADDRESS.test(host)) return atOnce(await connect(host, port, signal));
  const addresses = alternately(await abortable(resolve(host), signal)).slice(0, MOST);
  const ending = new AbortController();
  const either = AbortSignal.any([signal, ending.signal]);
  let previous = Promise.resolve();
  const tries = addresses.map((hostname) => {
    const conn = previous.then(() => connect(hostname, port, either));
    const failed = conn.then(() => {}, () => {});
    previous = previous.then(() => Promise.race([failed, delay(NEXT_MS, either).catch(() => {})]));
    return conn;
  });
  let taken: Deno.TcpConn | undefined;
  try {
    return atOnce(taken = await Promise.any(tries));
  } catch (error) {
    signal.throwIfAborted();
    throw (error as AggregateError).errors[0];
  } finally {
    ending.abort();
    // Two may have answered at once.
    for (const conn of tries) {
      conn.then((conn) => {
        if (conn !== taken) conn.close();
      }, () => {});
    }
  }
}

/** As the runtime does it, but that a family of addresses that this machine lacks is named as the reason. */
async function connect(hostname: string, port: number, signal: AbortSignal): Promise<Deno.TcpConn> {
  try {
    return await Deno.connect({ hostname, port, signal });
  } catch (error) {
    const family = hostname.includes(":") ? "IPv6" : "IPv4";
    const wasReached = error instanceof Deno.errors.ConnectionRefused || isLoopback(hostname);
    if (signal.aborted || wasReached || hasFamily(family)) throw error;
    throw new Error(`this machine has no ${family}`, { cause: error });
  }
}

/**
 * Has a connection send at once what it is given. By default a small request waits until the one before
 * it is acknowledged (Nagle's algorithm, RFC 896): a whole round trip for each.
 */
export function atOnce(conn: Deno.TcpConn): Deno.TcpConn {
  conn.setNoDelay(true);
  return conn;
}

/** As they are, but that those of the two kinds take turns. */
function alternately(addresses: string[]): string[] {
  const isSix = (address: string) => address.includes(":");
  const { first = [], second = [] } = Object.groupBy(
    addresses,
    (address) => isSix(address) === isSix(addresses[0]!) ? "first" : "second",
  );
  return addresses.flatMap((_, i) => [...first.slice(i, i + 1), ...second.slice(i, i + 1)]);
}
