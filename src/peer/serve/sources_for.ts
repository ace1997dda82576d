import { isInScope } from "../../wire/ip_address.ts";
import { type PeerRecord, SOURCES_CAP } from "../../wire/protocol.ts";

/**
 * The known sources to name to a peer that asks: at most {@link SOURCES_CAP}, the first ones, each
 * address once; not itself, nor those that it can't reach. The ids that others say they have count for
 * nothing here: anybody could say another's, and so hide it.
 */
export function sourcesFor(
  asking: { address: string; port?: number; peer?: string },
  known: PeerRecord[],
): PeerRecord[] {
  const seen = new Set([keyOf(asking)]);
  const named: PeerRecord[] = [];
  for (const record of known) {
    if (named.length === SOURCES_CAP) break;
    if (seen.has(keyOf(record)) || !isInScope(record.address, asking.address)) continue;
    if (record.peer !== undefined && record.peer === asking.peer) continue;
    seen.add(keyOf(record));
    named.push(record);
  }
  return named;
}

function keyOf({ address, port }: { address: string; port?: number }): string {
  return `${address} ${port}`;
}
