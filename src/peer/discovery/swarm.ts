import { Fault, isAbort, messageOf } from "../../fault.ts";
import { formatAddress } from "../../wire/connection.ts";
import type { Announcement, FileRecord, PeerRecord, SourceRecord } from "../../wire/protocol.ts";
import type { BootstrapClient } from "./bootstrap_client.ts";
import type { Directory, NearbyDirectories } from "./directory.ts";
import type { PeerApi } from "../api/peer_api.ts";
import { Refusal } from "../../wire/caller.ts";
import { within } from "../../async/deadline.ts";
import { settleWithGrace } from "../../async/settle_with_grace.ts";
import { givenName } from "../../content/safe_path.ts";

/**
 * Time for the other bootstraps once one has answered, in milliseconds: several round trips to
 * anywhere. One that is down may be silent until the handshake times out.
 */
const GRACE_MS = 2_000;
/**
 * Time for the other bootstraps once one has answered that it knows of nothing, in milliseconds: it
 * says nothing about what they know, but one that answers a byte at a time delays no caller.
 */
const EMPTY_GRACE_MS = 5_000;
/**
 * Time that a list waits for one bootstrap's next batch while others' are there, in milliseconds.
 */
const BATCH_MS = 5_000;

/**
 * Time for the answer of one bootstrap before another of the same registry is asked as well, in
 * milliseconds: several round trips to anywhere.
 */
const HEDGE_MS = 300;

/** A content under the wanted name or id, and its sources. */
export interface Offer {
  announcement: Announcement;
  sources: PeerRecord[];
  /** Sources there are; no fewer than are named. */
  total: number;
}

/**
 * Time that a list waits for the peers of this network once the bootstraps have answered, in
 * milliseconds.
 */
const NEARBY_MS = 150;
/** Time for the bootstraps once a peer of this network has an answer, in milliseconds. */
const NEARBY_GRACE_MS = 300;
/** Files of peers in this network that are listed, at most. */
const NEARBY_FILES = 200_000;

/**
 * The knowledge of all bootstraps together, and of the peers in the same network. One that can't be
 * reached hides nothing of the others, and does not delay their answers for long.
 */
export class Swarm implements Pick<PeerApi, "listPeers"> {
  readonly #bootstraps: BootstrapClient[];
  readonly #nearby: NearbyDirectories | undefined;

  constructor(bootstraps: BootstrapClient[], nearby?: NearbyDirectories) {
    this.#bootstraps = bootstraps;
    this.#nearby = nearby;
  }

  /**
   * The offers for a name or file id, one for each content and publisher, with the sources of all
   * bootstraps. Under a name, that is each publisher's newest version; with `versions` all. Throws a
   * `network` Fault when no bootstrap answers, and the signal's reason.
   */
  async find(
    query: { name: string; publisher?: string; versions?: boolean } | { file: string },
    signal?: AbortSignal,
  ): Promise<Offer[]> {
    const offers = new Map<string, Offer>();
    const ask = (one: Directory, waitsForBusy?: boolean) =>
      one.find(query, { signal, waitsForBusy });
    // That one knows of nothing says nothing about what others know of.
    const enough = (answer: unknown[]) => answer.length > 0;
    for (const found of (await this.#ask(ask, { enough, nearbyMs: 0 })).flat()) {
      const { announcement } = found;
      const key = `${announcement.publisher} ${announcement.name} ${announcement.id}`;
      const offer = offers.get(key);
      if (!offer) offers.set(key, { ...found });
      else {
        offer.sources = distinct([...offer.sources, ...found.sources]);
        offer.total = Math.max(offer.total, found.total, offer.sources.length);
      }
    }
    const found = [...offers.values()];
    return "name" in query && !query.versions ? newestOfEach(found) : found;
  }

  /** Every version of a name, as FileRecords: publisher by publisher, the newest first. */
  async versions(name: string): Promise<FileRecord[]> {
    const offers = await this.find({ name: givenName(name), versions: true });
    return offers.map(({ announcement: { name, id, size, mtime, time, publisher }, total }) => ({
      name,
      id,
      size,
      mtime,
      time,
      publisher,
      sources: total,
    })).sort((a, b) => order(a, { ...b, id: a.id }) || b.time - a.time);
  }

  /** All active peers. Throws a `network` Fault when no bootstrap answers, and the signal's reason. */
  async listPeers(signal?: AbortSignal): Promise<PeerRecord[]> {
    const lists = await this.#ask((one, waitsForBusy) => one.getPeers({ signal, waitsForBusy }));
    const peers = distinct(lists.flat());
    // What is only heard in this network says no more of a peer that a bootstrap lists.
    return peers.filter(({ peer, agent }, index) =>
      agent !== undefined || peer === undefined ||
      peers.findIndex((other) => other.peer === peer) === index
    );
  }

  /** All peers that have a content of that name, each once for each version. Throws as listPeers does. */
  async listSources(name: string, signal?: AbortSignal): Promise<SourceRecord[]> {
    const lists = await this.#ask(
      // Peers of the same network are asked below: these are bootstraps.
      (one, waitsForBusy) => (one as BootstrapClient).listSources(name, { signal, waitsForBusy }),
      {
        enough: (answer) => answer.length > 0,
        nearby: async (one) => {
          const found = await one.find({ name, versions: true }, { signal });
          return found.flatMap(({ announcement, sources }) => {
            const { id, publisher, time, size, kind } = announcement;
            return sources.map((source) => ({ ...source, id, publisher, time, size, kind }));
          });
        },
      },
    );
    return firstOfEach(lists.flat(), ({ peer, publisher, id }) => `${peer} ${publisher} ${id}`);
  }

  /** All legacy peers. Throws a `network` Fault when no bootstrap answers, and the signal's reason. */
  async legacyPeers(signal?: AbortSignal): Promise<PeerRecord[]> {
    return distinct((await this.#ask((one) => one.legacyPeers({ signal }))).flat());
  }

  /** Lists announcements by name; a name comes once for each content and publisher. */
  async *listFiles(pattern?: string): AsyncGenerator<FileRecord> {
    const begin = async (rest: AsyncGenerator<FileRecord, void, void>) => {
      return { rest, ...await rest.next() };
    };
    let room = NEARBY_FILES;
    const begun = await this.#ask(
      (one, waitsForBusy) => begin(one.listFiles(pattern, { waitsForBusy })),
      {
        enough: ({ done }) => !done,
        nearby: async (one) => {
          const files: FileRecord[] = [];
          for await (const file of one.listFiles(pattern)) {
            if (room-- <= 0) break;
            files.push(file);
          }
          return await begin(each(files));
        },
      },
    );
    const heads: { record: FileRecord; rest: AsyncGenerator<FileRecord> }[] = [];
    for (const { rest, done, value } of begun) if (!done) heads.push({ record: value, rest });
    for (let last = ""; heads.length > 0;) {
      heads.sort((a, b) => order(a.record, b.record));
      const { record, rest } = heads.shift()!;
      const key = `${record.name} ${record.publisher} ${record.id}`;
      if (key !== last) yield record;
      last = key;
      // One that breaks off hides nothing of the others, and neither does one that is slow.
      const coming = rest.next().catch(() => undefined);
      const next = await (heads.length > 0 ? within(coming, BATCH_MS) : coming);
      if (next && !next.done) heads.push({ record: next.value, rest });
    }
  }

  /**
   * Asks every bootstrap, of those that share a registry one, and every peer in the same network at
   * once; the answers of those that gave one in time. Throws the first failure of a bootstrap only
   * when all fail, or were stopped, and no peer of the network has enough.
   */
  async #ask<T>(
    question: (directory: Directory, waitsForBusy?: boolean) => Promise<T>,
    { enough = () => true, nearby = (one) => question(one), nearbyMs = NEARBY_MS }: AskAllOptions<
      T
    > = {},
  ): Promise<T[]> {
    const near = this.#askNearby(nearby, enough);
    const answers: T[] = [];
    const asked = settleWithGrace(
      groupsOf(this.#bootstraps).map(async (group) => {
        const answer = await askGroup(group, question);
        answers.push(answer);
        return answer;
      }),
      { enough, graceMs: GRACE_MS, emptyGraceMs: EMPTY_GRACE_MS },
    );
    const graced = near.enough.then(() => within(asked, NEARBY_GRACE_MS));
    const results = await Promise.race([asked, graced]) ?? [];
    if (answers.some(enough)) await within(near.done, nearbyMs);
    else await near.done;
    const all = [...answers, ...near.answers];
    if (answers.length > 0 || near.answers.some(enough)) return all;
    const failed = results.find((one) => one.status === "rejected");
    if (!failed) throw new Fault("network", "Cannot ask the swarm: no bootstrap is given");
    const { reason } = failed;
    if (isAbort(reason) || reason instanceof Fault && reason.kind !== "network") throw reason;
    const more = this.#nearby ? "; and no peer in this network has an answer" : "";
    throw reason instanceof Fault && more === ""
      ? reason
      : new Fault("network", messageOf(reason) + more, { cause: reason });
  }

  #askNearby<T>(question: (directory: Directory) => Promise<T>, enough: (answer: T) => boolean) {
    const answers: T[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = this.#nearby?.each(async (one) => {
      const answer = await question(one);
      answers.push(answer);
      if (enough(answer)) resolve();
    });
    return { answers, done: done ?? Promise.resolve(), enough: promise };
  }
}

interface AskAllOptions<T> {
  /** True for an answer that the others needn't be waited for much longer. @default all are */
  enough?: (answer: T) => boolean;
  /** The question to peers of the same network: what it gives must not need them later. */
  nearby?: (directory: Directory) => Promise<T>;
  /** Time for those once a bootstrap has enough, in milliseconds. @default NEARBY_MS */
  nearbyMs?: number;
}

async function* each<T>(items: T[]): AsyncGenerator<T, void, void> {
  yield* items;
}

/** The bootstraps that share a registry, that where this peer is registered first; others by themselves. */
function groupsOf(bootstraps: BootstrapClient[]): BootstrapClient[][] {
  const groups = Map.groupBy(bootstraps, (one) => one.registry ?? one);
  const isHome = ({ status }: BootstrapClient) => Number(status.state === "registered");
  return [...groups.values()].map((group) => group.sort((a, b) => isHome(b) - isHome(a)));
}

/**
 * Asks the bootstraps that share a registry one after the other: the next when one fails, is busy or
 * is silent for {@link HEDGE_MS}. When all are busy, waits for any of them.
 */
async function askGroup<T>(
  group: BootstrapClient[],
  question: (bootstrap: BootstrapClient, waitsForBusy?: boolean) => Promise<T>,
): Promise<T> {
  const [only, ...others] = group;
  if (others.length === 0) return await question(only!);
  const asked: Promise<T>[] = [];
  for (const one of group) {
    asked.push(question(one, false));
    const first = Promise.any(asked).then((answer) => ({ answer }), () => ({}));
    const settled = await within<{ answer?: T }>(first, HEDGE_MS);
    if (settled && "answer" in settled) return settled.answer as T;
  }
  return await Promise.any(asked).catch(({ errors }: AggregateError) => {
    const isBusy = (error: unknown) => error instanceof Refusal && error.code === "busy";
    if (!errors.some(isBusy)) throw errors[0];
    return Promise.any(group.map((one) => question(one))).catch((all: AggregateError) => {
      throw all.errors[0];
    });
  });
}

/** Of one publisher's announcements for one name, bootstraps may know different ones: the last holds. */
function newestOfEach(offers: Offer[]): Offer[] {
  const newest = new Map<string, Offer>();
  for (const offer of offers) {
    const { publisher, time } = offer.announcement;
    const other = newest.get(publisher);
    if (!other || other.announcement.time < time) newest.set(publisher, offer);
  }
  return [...newest.values()];
}

/** Each peer of an address once; one without an id only where no other has that address. */
function distinct(peers: PeerRecord[]): PeerRecord[] {
  const byAddress = Map.groupBy(
    peers,
    ({ address, port }) => formatAddress({ host: address, port }),
  );
  return [...byAddress.values()].flatMap((there) => {
    const each = firstOfEach(there, ({ peer }) => peer);
    return each.length > 1 ? each.filter(({ peer }) => peer !== undefined) : each;
  });
}

/** The first item of each key: bootstraps come first, and know most of a peer. */
function firstOfEach<T>(items: T[], key: (item: T) => unknown): T[] {
  return [...new Map(items.toReversed().map((item) => [key(item), item])).values()].reverse();
}

function order(a: FileRecord, b: FileRecord): number {
  const differing = (["name", "publisher", "id"] as const).find((field) => a[field] !== b[field]);
  return !differing ? 0 : a[differing] < b[differing] ? -1 : 1;
}
