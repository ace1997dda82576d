import type { DigestStore } from "../../store/hash/digest_store.ts";
import { ambiguous } from "./ambiguous_name.ts";
import { LegacySource } from "../download/legacy_source.ts";
import type { Source } from "../download/source.ts";
import type { Swarm } from "../discovery/swarm.ts";

/** Seed peers asked by name at a time. */
const SEEDS_AT_ONCE = 16;
/** Most seed peers asked for one name. */
const SEEDS_ASKED = 256;

export interface AskLegacyPeersOptions {
  swarm: Swarm;
  /** Where their digests are kept. */
  digests: DigestStore;
  signal?: AbortSignal;
}

/**
 * What seed peers have under a name, or of that the content whose id begins with `id`; undefined for
 * nothing. They announce nothing, so each is asked; those that don't answer are passed over. Throws an
 * `ambiguous` Fault when they have several contents.
 */
export async function askLegacyPeers(
  { name, id = "" }: { name: string; id?: string },
  { swarm, digests, signal }: AskLegacyPeersOptions,
): Promise<{ id: string; size: number; sources: Source[] } | undefined> {
  const seeds = (await swarm.listPeers()).filter(({ peer }) => !peer).slice(0, SEEDS_ASKED);
  const found: { source: Source; id: string; size: number }[] = [];
  const ask = async () => {
    for (let seed; (seed = seeds.shift());) {
      const source = new LegacySource({ host: seed.address, port: seed.port }, name);
      const content = await source.describe(digests, signal).catch(() => undefined);
      signal?.throwIfAborted();
      if (content?.id.startsWith(id)) found.push({ source, ...content });
    }
  };
  await Promise.all(Array.from({ length: SEEDS_AT_ONCE }, ask));
  const contents = Map.groupBy(found, ({ id }) => id);
  if (contents.size > 1) {
    const candidates = [...contents].map(([id, same]) => ({
      ...{ name, id, size: same[0]?.size ?? 0, publisher: "", time: 0 },
      sources: same.length,
    }));
    throw ambiguous(name, candidates);
  }
  const [first] = found;
  return first && { id: first.id, size: first.size, sources: found.map(({ source }) => source) };
}
