import type { Target, Wanted } from "./target.ts";
import { Fault } from "../../fault.ts";
import { type Choice, chooseOffer } from "../../trust/choose_offer.ts";
import type { PeerRecord } from "../../wire/protocol.ts";
import { askLegacyPeers, type LegacyContent } from "../../legacy/ask_legacy_peers.ts";
import type { DigestStore } from "../../store/hash/digest_store.ts";
import { ambiguous, ambiguousName, unsigned } from "./ambiguous_name.ts";
import { type Source } from "../download/source.ts";
import { PeerSource } from "../download/peer_source.ts";
import type { LocalPeer } from "../download/peer_source.ts";
import type { Offer, Swarm } from "../discovery/swarm.ts";
import type { TrustBook } from "./trust_book.ts";

export interface FindOptions {
  swarm: Swarm;
  /** Where the digests of legacy peers' files are kept. */
  digests: DigestStore;
  signal?: AbortSignal;
  /** This peer, as it says `hello`; it is not its own source. */
  self: LocalPeer;
  /** Who is remembered. */
  trust: TrustBook;
  /** This peer's own copy of a content, where it shares one. */
  local: (id: string) => Source | undefined;
}

/**
 * Which content a request means, by the rules of trust/choose_offer.ts. Shoal's own peers come first;
 * when none has the name, legacy peers are asked for it one by one: nobody signs for what they have, so
 * it is refused under a name that a publisher is remembered for. Throws `not_found`, `integrity`, and
 * `ambiguous` when the name stands for several contents: the Fault's cause is the list of Candidates.
 */
export async function findTarget(wanted: Wanted, options: FindOptions): Promise<Target> {
  const { name, id, publisher } = wanted;
  const { self, trust, local } = options;
  const choice = await choose(wanted, options);
  if (choice.kind === "take") {
    const target = targetOf(choice, self);
    const copy = local(target.id);
    return copy ? { ...target, sources: [copy] } : target;
  }
  if (choice.kind !== "nothing") throw ambiguousName(name, choice);
  // Legacy peers are no members of a private swarm, whoever lists them there, and don't hear of it.
  const asked = publisher === undefined && !self.transport?.secured;
  const unsignedContent = asked ? await findUnsigned(wanted, options) : undefined;
  if (unsignedContent) {
    const { remembered } = trust.knowledge(name);
    if (!id && remembered) throw unsigned(name, remembered, unsignedContent.id);
    return { ...unsignedContent, taken: id ? "pinned" : "none" };
  }
  const what = [
    name,
    id && `with id ${id.slice(0, 12)}`,
    publisher && `by ${publisher.slice(0, 12)}`,
  ]
    .filter((part) => part).join(" ");
  throw new Fault("not_found", `Cannot get ${what}: nobody in the swarm has it`);
}

/** What legacy peers have. Throws an `ambiguous` Fault when that are several contents. */
async function findUnsigned(
  wanted: Wanted,
  { swarm, digests, signal }: FindOptions,
): Promise<LegacyContent | undefined> {
  const peers = (await swarm.listPeers(signal)).filter(({ peer }) => !peer);
  const contents = await askLegacyPeers(wanted, peers, { digests, signal });
  if (contents.length < 2) return contents[0];
  const { name } = wanted;
  const candidates = contents.map(({ id, size, sources }) => ({
    name,
    id,
    size,
    publisher: "",
    time: 0,
    sources: sources.length,
  }));
  throw ambiguous(name, candidates);
}

async function choose(
  wanted: Wanted,
  { swarm, trust, signal }: { swarm: Swarm; trust: TrustBook; signal?: AbortSignal },
): Promise<Choice<Offer>> {
  const { name, id, publisher } = wanted;
  const knowledge = trust.knowledge(name);
  if (id?.length === 64) {
    return chooseOffer(await swarm.find({ file: id }, signal), wanted, knowledge);
  }
  // A version that is named by its id need not be the newest.
  if (id) return chooseOffer(await swarm.find({ name, versions: true }, signal), wanted, knowledge);
  const expected = publisher?.length === 64 ? publisher : knowledge.remembered?.publisher;
  if (expected) {
    // By the key, too: a crowd of others can't push it off the one page that is answered.
    const offers = await swarm.find({ name, publisher: expected }, signal);
    const choice = chooseOffer(offers, wanted, knowledge);
    if (choice.kind === "take") return choice;
  }
  return chooseOffer(await swarm.find({ name }, signal), wanted, knowledge);
}

function targetOf(
  { lead, offers, taken }: Extract<Choice<Offer>, { kind: "take" }>,
  self: LocalPeer,
): Target {
  const { announcement } = lead;
  const records = new Map<string, PeerRecord>();
  for (const record of offers.flatMap(({ sources }) => sources)) {
    if (record.peer !== self.peer) records.set(`${record.address} ${record.port}`, record);
  }
  const sources = [...records.values()].map(({ address, port }) =>
    new PeerSource(announcement, { host: address, port }, self)
  );
  return { id: announcement.id, size: announcement.size, sources, announcement, taken };
}
