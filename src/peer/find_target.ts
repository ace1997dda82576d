import { Fault } from "../fault.ts";
import type { DigestStore } from "../store/digest_store.ts";
import type { Announcement, PeerRecord } from "../wire/protocol.ts";
import type { Candidate, GetRequest } from "./peer_api.ts";
import { SeedSource } from "./seed_source.ts";
import { PeerSource, type Source } from "./source.ts";
import type { Offer, Swarm } from "./swarm.ts";

/** Seed peers asked by name at a time. */
const SEEDS_AT_ONCE = 16;
/** Most seed peers asked for one name. */
const SEEDS_ASKED = 256;

/** What will be fetched, and from whom. */
export interface Target {
  id: string;
  size: number;
  sources: Source[];
  /** Undefined for a seed peer's file: nobody signs for it. */
  announcement?: Announcement;
}

export interface FindOptions {
  swarm: Swarm;
  /** Where a seed peer's digests are kept. */
  digests: DigestStore;
  /** This peer, as it says `hello`; it is not its own source. */
  self: { agent: string; peer: string };
  /** This peer's own copy of a content, where it shares one. */
  local: (id: string) => Source | undefined;
  signal?: AbortSignal;
}

/**
 * Which content a request means. Shoal's own peers come first; when none has the name, seed peers
 * are asked for it one by one. Throws `not_found`, and `ambiguous` when the name stands for several
 * contents: the Fault's cause is the list of {@link Candidate}s.
 */
export async function findTarget(
  { name, id }: Pick<GetRequest, "name" | "id">,
  options: FindOptions,
): Promise<Target> {
  const { swarm, self, local, signal } = options;
  const offers = await swarm.find(id?.length === 64 ? { file: id } : { name }, signal);
  const fitting = id ? offers.filter(({ announcement }) => announcement.id.startsWith(id)) : offers;
  const contents = Map.groupBy(fitting, ({ announcement }) => announcement.id);
  if (contents.size > 1) throw ambiguous(name, fitting.map(candidateOf));
  const [same] = contents.values();
  if (same) {
    const target = targetOf(same, self);
    const copy = local(target.id);
    return copy ? { ...target, sources: [copy] } : target;
  }
  const seed = await askSeeds({ name, id }, options);
  if (seed) return seed;
  const what = id ? `${name} with id ${id.slice(0, 12)}` : name;
  throw new Fault("not_found", `Cannot get ${what}: nobody in the swarm has it`);
}

function targetOf(offers: Offer[], self: { agent: string; peer: string }): Target {
  const newest = offers.reduce((a, b) => a.announcement.time >= b.announcement.time ? a : b);
  const { announcement } = newest;
  const records = new Map<string, PeerRecord>();
  for (const record of offers.flatMap(({ sources }) => sources)) {
    if (record.peer !== self.peer) records.set(`${record.address} ${record.port}`, record);
  }
  const sources = [...records.values()].map(({ address, port }) =>
    new PeerSource(announcement, { host: address, port }, self)
  );
  return { id: announcement.id, size: announcement.size, sources, announcement };
}

/** Seed peers announce nothing, so each is asked. Those that don't answer are passed over. */
async function askSeeds(
  { name, id = "" }: Pick<GetRequest, "name" | "id">,
  { swarm, digests, signal }: FindOptions,
): Promise<Target | undefined> {
  const seeds = (await swarm.listPeers()).filter(({ peer }) => !peer).slice(0, SEEDS_ASKED);
  const found: { source: Source; id: string; size: number }[] = [];
  const ask = async () => {
    for (let seed; (seed = seeds.shift());) {
      const source = new SeedSource({ host: seed.address, port: seed.port }, name);
      const content = await source.describe(digests, signal).catch(() => undefined);
      signal?.throwIfAborted();
      if (content?.id.startsWith(id)) found.push({ source, ...content });
    }
  };
  await Promise.all(Array.from({ length: SEEDS_AT_ONCE }, ask));
  const contents = Map.groupBy(found, ({ id }) => id);
  if (contents.size > 1) {
    const candidates = [...contents.values()].map((same) => ({
      ...{ name, id: same[0].id, size: same[0].size, publisher: "", time: 0 },
      sources: same.length,
    }));
    throw ambiguous(name, candidates);
  }
  const [same] = contents.values();
  return same && { id: same[0].id, size: same[0].size, sources: same.map(({ source }) => source) };
}

function candidateOf({ announcement, total }: Offer): Candidate {
  const { name, id, size, publisher, time } = announcement;
  return { name, id, size, publisher, time, sources: total };
}

function ambiguous(name: string, candidates: Candidate[]): Fault {
  return new Fault(
    "ambiguous",
    `Cannot get ${name}: the name stands for ${candidates.length} different files; choose with --id`,
    { cause: candidates },
  );
}
