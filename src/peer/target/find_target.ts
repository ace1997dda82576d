import type { Target, WantedContent } from "./target.ts";
import { Fault, inQuotes } from "../../fault.ts";
import { type Choice, chooseOffer, isWhole } from "../../trust/choose_offer.ts";
import { foldersAbove } from "../../content/safe_path.ts";
import { askLegacyPeers } from "../../legacy/ask_legacy_peers.ts";
import type { DigestStore } from "../../store/hash/digest_store.ts";
import { ambiguous, ambiguousName, onlyUnsigned, unsigned } from "./ambiguous_name.ts";
import { type Source } from "../download/source.ts";
import { peerSources } from "../download/peer_source.ts";
import type { LocalPeer } from "../download/peer_source.ts";
import type { Offer, Swarm } from "../discovery/swarm.ts";
import type { TrustBook } from "./trust_book.ts";

export interface FindOptions {
  swarm: Swarm;
  /** The store for digests of legacy peers' files. */
  digests: DigestStore;
  signal?: AbortSignal;
  /** This peer, as it says `hello`; it is not its own source. */
  self: LocalPeer;
  /** The publishers whose announcements are taken. */
  trust: TrustBook;
  /** True when unsigned content may be taken unless a request says otherwise. */
  unsigned: () => boolean;
  /** This peer's own copy of a content, where it shares one. */
  local: (id: string) => Source | undefined;
}

/**
 * Finds the content that a request means, by the rules of trust/choose_offer.ts: one announced
 * under its name or whole id, a part of an announced folder, or a legacy peer's, in this order.
 * Throws `not_found`, `integrity`, and `ambiguous` when the name stands for several contents: the
 * Fault's cause is the list of Candidates.
 */
export async function findTarget(wanted: WantedContent, options: FindOptions): Promise<Target> {
  const { name, id, publisher } = wanted;
  const choice = await chooseAnnounced(wanted, options);
  if (choice.kind === "take") return targetOf(choice, options);
  const refused = choice.kind === "nothing" ? undefined : ambiguousName(name, choice);
  // Anybody can announce a name in another's folder: that must not hide what the folder has.
  const shadows = choice.kind === "stranger" && choice.remembered.folder !== undefined;
  if (refused && !shadows) throw refused;
  const content = isWhole(id) && !refused ? await findUnsigned(wanted, options) : undefined;
  if (content) return content;
  const folder = await findFolderOf(wanted, options);
  if (folder) return { ...folder, refused: refused ?? folder.refused };
  if (refused) throw refused;
  const other = isWhole(id) ? undefined : await findUnsigned(wanted, options);
  if (other) return other;
  const what = [
    inQuotes(name),
    id && `with id ${id.slice(0, 12)}`,
    publisher && `by ${publisher.slice(0, 12)}`,
  ]
    .filter((part) => part).join(" ");
  throw new Fault("not_found", `Cannot get ${what}: no peer in the swarm has it`);
}

/**
 * The folder that what is wanted lies in: the one with the longest name that is announced. Undefined when
 * there is none. Throws as {@link findTarget} does.
 */
async function findFolderOf(
  { name, publisher }: WantedContent,
  options: FindOptions,
): Promise<Target | undefined> {
  let refused: Fault | undefined;
  for (const folder of foldersAbove(name)) {
    const choice = await chooseAnnounced({ name: folder, publisher }, options);
    if (choice.kind === "nothing") continue;
    if (choice.kind === "take") {
      const target = targetOf(choice, options);
      if (target.announcement?.kind === "folder") return { ...target, refused };
    } else if (choice.kind === "stranger" && choice.remembered.folder !== undefined) {
      refused ??= ambiguousName(folder, choice);
    } else throw ambiguousName(folder, choice);
  }
  if (refused) throw refused;
}

/**
 * Finds what legacy peers have. It is unsigned, and any of them can claim to have any name: so it
 * must be pinned, or the user must have allowed it. Throws a `not_found` Fault otherwise, an
 * `integrity` Fault under a name that a publisher is remembered for, and an `ambiguous` Fault for
 * several contents.
 */
async function findUnsigned(
  wanted: WantedContent,
  options: FindOptions,
): Promise<Target | undefined> {
  const { name, id, publisher, sha256 } = wanted;
  const { swarm, self, trust, digests, signal } = options;
  // Legacy peers are no members of a private swarm, even if they are listed there, and don't hear of it.
  if (publisher !== undefined || self.transport?.secured) return;
  const peers = await swarm.legacyPeers(signal);
  const contents = await askLegacyPeers(wanted, peers, { digests, signal });
  const [content] = contents;
  if (!content) return;
  const pinned = isWhole(id) || sha256 !== undefined;
  if (!pinned) {
    if (!(wanted.unsigned ?? options.unsigned())) throw onlyUnsigned(name);
    const { remembered } = trust.knowledge(name);
    if (remembered) throw unsigned(name, remembered, content.id);
  }
  if (contents.length === 1) return { ...content, taken: pinned ? "pinned" : "none" };
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

async function chooseAnnounced(
  wanted: WantedContent,
  { swarm, trust, signal }: { swarm: Swarm; trust: TrustBook; signal?: AbortSignal },
): Promise<Choice<Offer>> {
  const { name, id, publisher } = wanted;
  const knowledge = trust.knowledge(name);
  if (isWhole(id)) {
    return chooseOffer(await swarm.find({ file: id! }, signal), wanted, knowledge);
  }
  // A version that is named by its id need not be the newest.
  if (id) return chooseOffer(await swarm.find({ name, versions: true }, signal), wanted, knowledge);
  const expected = isWhole(publisher) ? publisher : knowledge.remembered?.publisher;
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
  { self, local }: FindOptions,
): Target {
  const { announcement } = lead;
  const { id, size } = announcement;
  const copy = local(id);
  if (copy) return { id, size, sources: [copy], announcement, taken };
  const sources = peerSources(announcement, offers.flatMap((offer) => offer.sources), self);
  return { id, size, sources, announcement, taken };
}
