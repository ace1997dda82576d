import { Fault, isAbort, messageOf } from "../../fault.ts";
import { formatAddress } from "../../wire/connection.ts";
import type { Announcement, FileRecord, PeerRecord } from "../../wire/protocol.ts";
import type { BootstrapClient } from "./bootstrap_client.ts";
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
 * The knowledge of all bootstraps together. One that can't be reached hides nothing of the others,
 * and does not delay their answers for long.
 */
export class Swarm implements Pick<PeerApi, "listPeers"> {
  readonly #bootstraps: BootstrapClient[];

  constructor(bootstraps: BootstrapClient[]) {
    this.#bootstraps = bootstraps;
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
    const ask = (one: BootstrapClient, waitsForBusy?: boolean) =>
      one.find(query, { signal, waitsForBusy });
    // That one knows of nothing says nothing about what others know of.
    for (const found of (await this.#ask(ask, (answer) => answer.length > 0)).flat()) {
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
    return distinct(
      (await this.#ask((one, waitsForBusy) => one.getPeers({ signal, waitsForBusy }))).flat(),
    );
  }

  /** All legacy peers. Throws a `network` Fault when no bootstrap answers, and the signal's reason. */
  async legacyPeers(signal?: AbortSignal): Promise<PeerRecord[]> {
    return distinct((await this.#ask((one) => one.legacyPeers({ signal }))).flat());
  }

  /** Lists announcements by name; a name comes once for each content and publisher. */
  async *listFiles(pattern?: string): AsyncGenerator<FileRecord> {
    const begun = await this.#ask(async (one, waitsForBusy) => {
      const rest = one.listFiles(pattern, { waitsForBusy });
      return { rest, ...await rest.next() };
    }, ({ done }) => !done);
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
   * Asks every bootstrap at once, of those that share a registry one; the answers of those that gave one
   * in time. Throws the first failure only when all fail, or were stopped.
   *
   * @param enough True for an answer that the others needn't be waited for much longer. @default all are
   */
  async #ask<T>(
    question: (bootstrap: BootstrapClient, waitsForBusy?: boolean) => Promise<T>,
    enough: (answer: T) => boolean = () => true,
  ): Promise<T[]> {
    const results = await settleWithGrace(
      groupsOf(this.#bootstraps).map((group) => askGroup(group, question)),
      { enough, graceMs: GRACE_MS, emptyGraceMs: EMPTY_GRACE_MS },
    );
    const answers = results.filter((one) => one.status === "fulfilled").map((one) => one.value);
    if (answers.length > 0) return answers;
    const failed = results.find((one) => one.status === "rejected");
    if (!failed) throw new Fault("network", "Cannot ask the swarm: no bootstrap is given");
    throw failed.reason instanceof Fault || isAbort(failed.reason)
      ? failed.reason
      : new Fault("network", messageOf(failed.reason), { cause: failed.reason });
  }
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
    const byId = new Map(there.map((record) => [record.peer, record]));
    if (byId.size > 1) byId.delete(undefined);
    return [...byId.values()];
  });
}

function order(a: FileRecord, b: FileRecord): number {
  const differing = (["name", "publisher", "id"] as const).find((field) => a[field] !== b[field]);
  return !differing ? 0 : a[differing] < b[differing] ? -1 : 1;
}
