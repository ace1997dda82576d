import { isLoopback } from "../../wire/ip_address.ts";
import { type PeerRecord, SOURCES_CAP } from "../../wire/protocol.ts";

/**
 * Which of the known sources to name to somebody: at most {@link SOURCES_CAP}, the first ones, each
 * once; not the one who asks, nor what only this machine can reach when another one asks.
 */
export function sourcesFor(
  asking: { address: string; port?: number; peer?: string },
  known: PeerRecord[],
): PeerRecord[] {
  const seen = new Set([keyOf(asking)]);
  if (asking.peer) seen.add(asking.peer);
  const named: PeerRecord[] = [];
  for (const record of known) {
    if (named.length === SOURCES_CAP) break;
    if (isLoopback(record.address) && !isLoopback(asking.address)) continue;
    if (seen.has(keyOf(record)) || record.peer && seen.has(record.peer)) continue;
    seen.add(keyOf(record));
    if (record.peer) seen.add(record.peer);
    named.push(record);
  }
  return named;
}

function keyOf({ address, port }: { address: string; port?: number }): string {
  return `${address} ${port}`;
}
