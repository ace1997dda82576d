import { timeoutSignal } from "../async/deadline.ts";
import { Fault } from "../fault.ts";
import type { LegacyPeer } from "./legacy_dialect.ts";
import { type DigestDrafts, LegacySource } from "./legacy_source.ts";

/** Legacy peers asked at a time. */
const AT_ONCE = 16;
/** Most legacy peers asked for one name. */
const ASKED_MOST = 256;
/** Time for all of them, in milliseconds: one that hashes its file first, and another after it. */
const ALL_MS = 40_000;

/** A content that legacy peers offer, and all that do. */
export interface LegacyContent {
  id: string;
  size: number;
  sources: LegacySource[];
}

/**
 * Asks legacy peers, which announce nothing, for their contents under a name. Returns those whose
 * id begins with `id`; peers that don't answer in time are passed over. `totalMs` is the time for all.
 */
export async function askLegacyPeers(
  { name, id = "" }: { name: string; id?: string },
  peers: LegacyPeer[],
  { digests, signal, totalMs = ALL_MS }: {
    digests: DigestDrafts;
    signal?: AbortSignal;
    totalMs?: number;
  },
): Promise<LegacyContent[]> {
  const waiting = peers.slice(0, ASKED_MOST);
  const found = new Map<string, LegacyContent>();
  const late = () => new Fault("network", "the time for asking legacy peers is over");
  using total = timeoutSignal(totalMs, late, { signal });
  const ask = async () => {
    for (let peer; !total.signal.aborted && (peer = waiting.shift());) {
      const source = new LegacySource({ host: peer.address, port: peer.port }, name);
      const content = await source.describe(digests, total.signal).catch(() => undefined);
      signal?.throwIfAborted();
      if (!content?.id.startsWith(id)) continue;
      const same = found.get(content.id);
      if (same) same.sources.push(source);
      else found.set(content.id, { ...content, sources: [source] });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
  return [...found.values()];
}
