/**
 * What is announced, and by whom it is held: found by name, by file id and by publisher, and listed
 * in the order of names. Who is here is not its business.
 */
import {
  type Announcement,
  type FileRecord,
  type Found,
  type PeerRecord,
  SOURCES_CAP,
} from "../wire/protocol.ts";
import { Refused } from "../wire/answerer.ts";
import { Glob } from "./glob.ts";
import { Holders } from "./holders.ts";
import { Page } from "../wire/page.ts";
import type { FindQuery, ListBatch } from "./registry.ts";
import { SortedKeys } from "./sorted_keys.ts";

/**
 * Most steps of matching for one page of a list: some ten milliseconds, so that a pattern which fits
 * nothing, or was made to be slow, doesn't keep others waiting.
 */
export const LIST_WORK = 500_000;

/** One content that one publisher announced under one name. */
export interface Entry {
  /** The newest that was seen. */
  announcement: Announcement;
  /** How many peers hold it under that name. */
  held: number;
}

/** One content, under whatever names. */
interface Content {
  entries: Set<Entry>;
  holders: Holders<PeerRecord>;
}

/** Before all publishers: a cursor that begins with it means a name from its beginning. */
const FIRST_PUBLISHER = "0".repeat(64);

export class FileIndex {
  /** By name, then by publisher and file id. */
  readonly #names = new Map<string, Map<string, Entry>>();
  readonly #contents = new Map<string, Content>();
  readonly #publishers = new Map<string, Set<Entry>>();
  readonly #sorted = new SortedKeys();
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** From now on, `holder` (the same object each time) holds that content under that name. */
  hold(announcement: Announcement, holder: PeerRecord): Entry {
    const entry = this.#entry(announcement);
    if (announcement.time > entry.announcement.time) entry.announcement = announcement;
    entry.held++;
    this.#contents.get(announcement.id)!.holders.add(holder);
    return entry;
  }

  /** Takes one {@link hold} back. */
  release(entry: Entry, holder: PeerRecord): void {
    const { name, id, publisher } = entry.announcement;
    const content = this.#contents.get(id)!;
    content.holders.remove(holder);
    if (--entry.held > 0) return;
    content.entries.delete(entry);
    if (content.entries.size === 0) this.#contents.delete(id);
    const published = this.#publishers.get(publisher)!;
    published.delete(entry);
    if (published.size === 0) this.#publishers.delete(publisher);
    const named = this.#names.get(name)!;
    named.delete(publisher + id);
    if (named.size > 0) return;
    this.#names.delete(name);
    this.#sorted.delete(name);
  }

  /** A holder of these has become reachable, or is so no longer. */
  update(holder: PeerRecord, entries: Iterable<Entry>): void {
    for (const { announcement } of entries) {
      this.#contents.get(announcement.id)!.holders.update(holder);
    }
  }

  /** As Registry.find. */
  find({ name, file, publisher, versions }: FindQuery): Found[] {
    const candidates = name !== undefined
      ? this.#names.get(name)?.values()
      : file !== undefined
      ? this.#contents.get(file)?.entries
      : this.#publishers.get(publisher!);
    let entries = [...candidates ?? []].filter(({ announcement: a }) =>
      (file === undefined || a.id === file) &&
      (publisher === undefined || a.publisher === publisher)
    );
    if (file === undefined && !versions) entries = newest(entries);
    const page = new Page<Found>();
    const order = versions
      ? (a: Entry, b: Entry) => b.announcement.time - a.announcement.time
      : (a: Entry, b: Entry) => this.#total(b) - this.#total(a);
    for (const { announcement } of entries.sort(order)) {
      const { holders } = this.#contents.get(announcement.id)!;
      const sources = holders.sample(SOURCES_CAP, this.#random)
        .map(({ peer, address, port }) => ({ peer, address, port }));
      if (!page.add({ announcement, sources, total: holders.size })) break;
    }
    return page.items;
  }

  /** As Registry.listFiles. A cursor is the publisher and name to begin with. */
  list(pattern?: string, cursor?: string): ListBatch<FileRecord> {
    if (cursor !== undefined && cursor.length < FIRST_PUBLISHER.length) {
      throw new Refused("bad_message", "that cursor was not given out here");
    }
    const glob = pattern === undefined ? undefined : new Glob(pattern);
    const prefix = glob?.prefix ?? "";
    const firstPublisher = cursor?.slice(0, FIRST_PUBLISHER.length) ?? FIRST_PUBLISHER;
    const firstName = cursor?.slice(FIRST_PUBLISHER.length) ?? "";
    const page = new Page<FileRecord>();
    for (const name of this.#sorted.from(firstName > prefix ? firstName : prefix)) {
      if (!name.startsWith(prefix)) break;
      if (glob && glob.work > LIST_WORK) {
        return { items: page.items, cursor: FIRST_PUBLISHER + name };
      }
      if (glob && !glob.matches(name)) continue;
      const entries = newest(this.#names.get(name)!.values())
        .sort((a, b) => a.announcement.publisher < b.announcement.publisher ? -1 : 1);
      for (const entry of entries) {
        const { publisher, signature: _signature, ...announced } = entry.announcement;
        if (name === firstName && publisher < firstPublisher) continue;
        const record = { ...announced, publisher, sources: this.#total(entry) };
        if (!page.add(record)) return { items: page.items, cursor: publisher + name };
      }
    }
    return { items: page.items };
  }

  #entry(announcement: Announcement): Entry {
    const { name, id, publisher } = announcement;
    let named = this.#names.get(name);
    if (!named) {
      this.#names.set(name, named = new Map());
      this.#sorted.add(name);
    }
    const known = named.get(publisher + id);
    if (known) return known;
    const entry = { announcement, held: 0 };
    named.set(publisher + id, entry);
    const content = this.#contents.get(id) ??
      { entries: new Set(), holders: new Holders<PeerRecord>(({ reachable }) => !!reachable) };
    this.#contents.set(id, content);
    content.entries.add(entry);
    const published = this.#publishers.get(publisher) ?? new Set();
    this.#publishers.set(publisher, published);
    published.add(entry);
    return entry;
  }

  /** Everybody who has an entry's content, under whatever name. */
  #total(entry: Entry): number {
    return this.#contents.get(entry.announcement.id)!.holders.size;
  }
}

/** Of several entries, those that are their publisher's newest for their name. */
function newest(entries: Iterable<Entry>): Entry[] {
  const best = new Map<string, Entry>();
  for (const entry of entries) {
    const { publisher, name, time, id } = entry.announcement;
    const other = best.get(publisher + name)?.announcement;
    // The id decides a tie, so that every bootstrap gives the same answer.
    if (!other || time > other.time || (time === other.time && id > other.id)) {
      best.set(publisher + name, entry);
    }
  }
  return [...best.values()];
}
