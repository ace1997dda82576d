import { Fault, inQuotes } from "../../fault.ts";
import { givenName, safeName } from "../../content/safe_path.ts";
import { isAhead } from "../../trust/announcement.ts";
import type { TrustRecord, TrustStore } from "../../store/state/trust_store.ts";
import {
  chooseOffer,
  isWhole,
  type Knowledge,
  rememberedAfter,
  rememberedFor,
  type Standing,
  standingOf,
} from "../../trust/choose_offer.ts";
import type { Announcement } from "../../wire/protocol.ts";
import { ambiguousName, candidateOf, unsigned } from "./ambiguous_name.ts";
import type { Target } from "./target.ts";
import type { TrustEntry, TrustRequest } from "../api/peer_api.ts";
import type { Swarm } from "../discovery/swarm.ts";

interface TrustBookOptions {
  store: TrustStore;
  /** This peer's id. */
  own: string;
  /** The announcement of what this peer shares under a name, if anything. */
  shared: (name: string) => Announcement | undefined;
  /** Milliseconds since 1970. Default Date.now. */
  now?: () => number;
}

/**
 * Decides which announcements this peer takes, by the rules of trust/choose_offer.ts and what it
 * remembers.
 */
export class TrustBook {
  readonly #options: TrustBookOptions;

  constructor(options: TrustBookOptions) {
    this.#options = options;
  }

  /**
   * The publisher who counts for a name. For what this peer itself publishes that is itself, unless
   * told otherwise.
   */
  knowledge(name: string): Knowledge {
    const { own, shared } = this.#options;
    const remembered = rememberedFor(name, (one) => {
      const share = shared(one);
      return this.#stored(one) ?? (share?.publisher === own ? share : undefined);
    });
    return { own, remembered };
  }

  /**
   * Throws an `integrity` Fault when a file that was chosen earlier is not to be taken any more, because
   * of what was remembered since.
   */
  confirm(
    name: string,
    { id, announcement, within, taken }: Omit<Target, "sources" | "size">,
  ): void {
    if (taken === "pinned") return;
    if (within) return this.confirm(within.name, { id: within.id, announcement: within, taken });
    const knowledge = this.knowledge(name);
    if (!announcement) {
      if (knowledge.remembered) throw unsigned(name, knowledge.remembered, id);
      return;
    }
    const publisher = taken === "named" ? announcement.publisher : undefined;
    const offer = { announcement, sources: [], total: 0 };
    const choice = chooseOffer([offer], { name, publisher }, knowledge);
    if (choice.kind !== "take" && choice.kind !== "nothing") throw ambiguousName(name, choice);
  }

  /** Notes that a file was fetched and verified. */
  remember(name: string, { announcement, taken }: Pick<Target, "announcement" | "taken">): void {
    if (announcement?.name !== name) return;
    const { store, now = Date.now } = this.#options;
    const before = this.#stored(name);
    // What is known because of a folder above has no entry of its own yet.
    const known = before ?? (taken === "known" ? this.knowledge(name).remembered : undefined);
    const after = rememberedAfter(known, announcement, taken);
    if (!after || after === known) return;
    const how = after.folder === undefined ? "first" : "folder";
    const { publisher, time, id } = after;
    store.put({ how, since: now(), ...before, name, publisher, time, id });
  }

  /** The entry for a name itself. A time that is ahead was taken while the clock was wrong. */
  #stored(name: string): TrustRecord | undefined {
    const { store, now = Date.now } = this.#options;
    const entry = store.get(name);
    return entry && isAhead(entry.time, now()) ? { ...entry, time: 0 } : entry;
  }

  /** See FileRecord's `trust`. */
  standing({ name, publisher }: { name: string; publisher: string }): Standing {
    return standingOf(publisher, this.knowledge(name));
  }

  /** See PeerApi.trust. */
  list(): TrustEntry[] {
    return this.#options.store.list();
  }

  /** See PeerApi.accept. */
  async accept(request: TrustRequest, swarm: Swarm): Promise<TrustEntry> {
    const { store, now = Date.now } = this.#options;
    const name = safeName(givenName(request.name));
    const publisher = await publisherOf({ ...request, name }, swarm);
    const before = store.get(name);
    // What was taken of the same publisher's stays known: accepting them is no leave to replay.
    if (before?.publisher === publisher) return before;
    const entry: TrustEntry = { name, publisher, how: "accepted", since: now(), time: 0 };
    store.removeBelow(name);
    store.put(entry);
    return entry;
  }

  /** See PeerApi.forget. */
  forget(name: string): TrustEntry {
    const { store } = this.#options;
    const entry = store.get(givenName(name));
    if (!entry) {
      throw new Fault(
        "not_found",
        `Cannot forget ${inQuotes(name)}: no publisher is remembered for it`,
        {
          next: "see the trusted publishers: shoal peer trust list",
        },
      );
    }
    store.removeBelow(entry.name);
    store.remove(entry.name);
    return entry;
  }
}

/** A whole key is taken as it is; the beginning of one, or none, is looked for among the offers. */
async function publisherOf(
  { name, publisher = "" }: TrustRequest,
  swarm: Swarm,
): Promise<string> {
  if (isWhole(publisher)) return publisher;
  const offers = await swarm.find({ name });
  const fitting = offers.filter(({ announcement }) => announcement.publisher.startsWith(publisher));
  const [only, ...others] = fitting;
  if (only && others.length === 0) return only.announcement.publisher;
  if (!only) {
    const who = publisher ? `nobody whose key begins with ${publisher}` : "nobody";
    throw new Fault("not_found", `Cannot accept ${inQuotes(name)}: ${who} offers it`);
  }
  throw new Fault(
    "ambiguous",
    `Cannot accept ${inQuotes(name)}: ${fitting.length} publishers offer it; choose with ` +
      "--publisher",
    { cause: fitting.map(candidateOf) },
  );
}
