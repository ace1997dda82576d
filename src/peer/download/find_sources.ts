import { delay } from "../../async/retry.ts";
import type { ListedPeer } from "../api/peer_api.ts";
import { parseAddress } from "../api/settings.ts";
import type { PeerRecord } from "../../wire/protocol.ts";
import { type LocalPeer, type PeerSource, peerSources } from "./peer_source.ts";
import type { Source } from "./source.ts";
import type { Swarm } from "../discovery/swarm.ts";

/** The time for which those that answer wait for those that don't, in milliseconds. */
const PATIENCE_MS = 3_000;

interface FindSourcesOptions {
  swarm: Pick<Swarm, "find">;
  /** Called with the peers that are named, as they are. */
  found: (records: PeerRecord[]) => void;
  signal?: AbortSignal;
  /** Default {@link PATIENCE_MS}. */
  patienceMs?: number;
}

/**
 * Finds other peers that have a content, while it is being fetched: those that the bootstraps name, and those that the
 * connected sources name, so that a download outlives every bootstrap. One that doesn't answer is passed
 * over. Resolves when all have answered, or one has and the others take long.
 */
export async function findSources(
  id: string,
  connected: Source[],
  { swarm, found, signal, patienceMs = PATIENCE_MS }: FindSourcesOptions,
): Promise<void> {
  const listed = async () => {
    const offers = await swarm.find({ file: id }, signal);
    found(offers.flatMap(({ sources }) => sources));
  };
  const named = async (source: Source) => found(await source.peers());
  const answers = [listed(), ...connected.map(named)];
  const enough = new AbortController();
  const patience = delay(patienceMs, enough.signal).then(() => Promise.any(answers));
  await Promise.race([Promise.allSettled(answers), patience.catch(() => {})]);
  enough.abort();
}

/**
 * A search for more sources of a content, as downloads take it. `listed` is the id that bootstraps
 * know them by: the content's own, or that of the folder which has it.
 */
export function finderOf(
  content: { id: string; size: number },
  { listed, swarm, self, signal }: {
    listed: string;
    swarm: Pick<Swarm, "find">;
    self: LocalPeer;
    signal: AbortSignal;
  },
): (connected: Source[], found: (sources: PeerSource[]) => void) => Promise<void> {
  return (connected, found) =>
    findSources(listed, connected, {
      swarm,
      signal,
      found: (records) => found(peerSources(content, records, self)),
    });
}

/** Those of some sources that have been connected, as peers tell each other of them. */
export function recordsOf(sources: Source[]): ListedPeer[] {
  const useful = sources.filter(({ receipt }) => receipt.peer && !receipt.dropped);
  return useful.map(({ receipt: { address, peer } }) => {
    const { host, port } = parseAddress(address, 0);
    return { address: host, port, peer };
  });
}
