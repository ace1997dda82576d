/**
 * The announcements and their sources: found by name, by file id and by publisher, and listed in the
 * order of names. Every question has a budget of steps, since strangers make both the questions and
 * what they are asked of.
 */
import { isAhead } from "../trust/announcement.ts";
import {
  type Announcement,
  type FileRecord,
  type Found,
  LIST_CAP,
  type PeerRecord,
  type SourceRecord,
  SOURCES_CAP,
} from "../wire/protocol.ts";
import { Glob } from "./glob.ts";
import { SourceSet } from "./source_set.ts";
import { Batch, readCursor } from "../wire/batch.ts";
import type { FindQuery, ListBatch } from "./registry.ts";
import { SortedKeys } from "./sorted_keys.ts";

/**
 * Steps for one batch of a list, about five milliseconds: a pattern that fits nothing, or was made
 * to be slow, delays no other caller. A batch that took more ends, and its cursor continues.
 */
const LIST_WORK = 200_000;

/**
 * Announcements that one `find` looks at, about five milliseconds: more than fit its answer. Those
 * that were announced first are looked at first.
 */
const FIND_WORK = 4_000;

/** Steps for a name and for one of its publishers in a list, beside those of the glob. */
const NAME_STEPS = 8;

/** A content that a publisher announced under a name. */
export interface Entry {
  /** The newest announcement of it. */
  announcement: Announcement;
  /** The number of peers that hold it under that name. */
  held: number;
}

/** One content, under whatever names. */
interface Content {
  entries: Set<Entry>;
  sources: SourceSet<PeerRecord>;
}

/** Before all publishers: a cursor that begins with it means a name from its beginning. */
export const FIRST_PUBLISHER = "0".repeat(64);
/** A cursor of a list of files. */
const CURSOR = /^(?<publisher>[0-9a-f]{64})(?<name>.*)$/s;

/** A cursor of a list of sources. */
const SOURCES_CURSOR = /^(?<id>[0-9a-f]{64})(?<publisher>[0-9a-f]{64})(?<place>\d{1,9})$/;
/** All fields of an announcement that its signature covers, and the signature. */
const SIGNED = [
  ...["name", "id", "size", "mtime", "time", "publisher", "kind", "entries", "bytes"] as const,
  "signature",
] as const;

/** The announcements of one publisher under one name: the newest first, the id deciding a tie. */
type Versions = Entry[];

export class FileIndex {
  /** By name, then by publisher. */
  readonly #names = new Map<string, Map<string, Versions>>();
  readonly #contents = new Map<string, Content>();
  readonly #publishers = new Map<string, Set<Entry>>();
  readonly #sorted = new SortedKeys();
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Notes that `source` (the same object each time) has that content under that name. */
  hold(announcement: Announcement, source: PeerRecord): Entry {
    const { entry, versions } = this.#entry(announcement);
    const known = entry.announcement.time;
    if (announcement.time > known || isAhead(known)) entry.announcement = announcement;
    if (versions.length > 1) versions.sort(newestFirst);
    entry.held++;
    this.#contents.get(announcement.id)!.sources.add(source);
    return entry;
  }

  /** Takes one {@link hold} back. */
  release(entry: Entry, source: PeerRecord): void {
    const { name, id, publisher } = entry.announcement;
    const content = this.#contents.get(id)!;
    content.sources.remove(source);
    if (--entry.held > 0) return;
    content.entries.delete(entry);
    if (content.entries.size === 0) this.#contents.delete(id);
    const published = this.#publishers.get(publisher)!;
    published.delete(entry);
    if (published.size === 0) this.#publishers.delete(publisher);
    const named = this.#names.get(name)!;
    const versions = named.get(publisher)!;
    versions.splice(versions.indexOf(entry), 1);
    if (versions.length === 0) named.delete(publisher);
    if (named.size > 0) return;
    this.#names.delete(name);
    this.#sorted.delete(name);
  }

  /** Notes that a source of these has become reachable, or is so no longer. */
  update(source: PeerRecord, entries: Iterable<Entry>): void {
    for (const { announcement } of entries) {
      this.#contents.get(announcement.id)!.sources.update(source);
    }
  }

  /** Answers Registry.find. */
  find(query: FindQuery): ListBatch<Found> {
    const entries: Entry[] = [];
    let steps = 0;
    for (const entry of this.#candidates(query)) {
      if (++steps > FIND_WORK) break;
      if (this.#fits(query, entry)) entries.push(entry);
    }
    const totals = new Map(entries.map((entry) => [entry, this.#total(entry)]));
    entries.sort(query.versions ? newestFirst : (a, b) => totals.get(b)! - totals.get(a)!);
    const batch = new Batch<Found>();
    for (const { announcement } of entries) {
      const { sources: all } = this.#contents.get(announcement.id)!;
      const sources = all.sample(SOURCES_CAP, this.#random)
        .map(({ peer, address, port }) => ({ peer, address, port }));
      steps += sources.length;
      if (!batch.add({ announcement, sources, total: all.size })) break;
    }
    return { items: batch.items, steps };
  }

  /** Answers Registry.listFiles. A cursor is the publisher and name to begin with. */
  list(pattern?: string, cursor?: string): ListBatch<FileRecord> {
    const { glob, prefix, from, firstName, firstPublisher } = startOfList(pattern, cursor);
    const batch = new Batch<FileRecord>();
    let steps = 0;
    for (const name of this.#sorted.from(from)) {
      if (!name.startsWith(prefix)) break;
      if (steps + (glob?.work ?? 0) > LIST_WORK) {
        return { items: batch.items, cursor: FIRST_PUBLISHER + name };
      }
      steps += NAME_STEPS;
      if (glob && !glob.matches(name)) continue;
      const named = this.#names.get(name)!;
      steps += NAME_STEPS * named.size;
      for (const publisher of named.size > 1 ? [...named.keys()].sort() : named.keys()) {
        if (name === firstName && publisher < firstPublisher) continue;
        const newest = newestOf(named.get(publisher));
        if (!newest) continue;
        const { signature: _signature, ...announced } = newest.announcement;
        const record = { ...announced, sources: this.#total(newest) };
        if (!batch.add(record)) return { items: batch.items, cursor: publisher + name };
      }
    }
    return { items: batch.items };
  }

  /** Answers Registry.listSources. A cursor is a content, its publisher, and a place in its sources. */
  sources(name: string, cursor?: string): ListBatch<SourceRecord> {
    const from = readCursor(SOURCES_CURSOR, cursor);
    const versions = [...this.#names.get(name)?.values() ?? []].flat().sort(newestFirst);
    const first = versions.findIndex(({ announcement: a }) =>
      a.id === from?.id && a.publisher === from?.publisher
    );
    const batch = new Batch<SourceRecord>();
    for (const { announcement: a } of versions.slice(Math.max(0, first))) {
      let place = versions[first]?.announcement === a ? Number(from?.place) : 0;
      // No more than fit are copied, and one that says that there are more.
      for (const source of this.#contents.get(a.id)!.sources.from(place, LIST_CAP + 1)) {
        if (!batch.add(sourceRecord(source, a))) {
          return { items: batch.items, cursor: `${a.id}${a.publisher}${place}` };
        }
        place++;
      }
    }
    return { items: batch.items };
  }

  /** True if this very announcement is the one of its entry. */
  has(announcement: Announcement): boolean {
    const { name, id, publisher } = announcement;
    const versions = this.#names.get(name)?.get(publisher);
    const known = versions?.find((one) => one.announcement.id === id)?.announcement;
    return known !== undefined && SIGNED.every((field) => known[field] === announcement[field]);
  }

  #entry(announcement: Announcement): { entry: Entry; versions: Versions } {
    const { name, id, publisher } = announcement;
    let named = this.#names.get(name);
    if (!named) {
      this.#names.set(name, named = new Map());
      this.#sorted.add(name);
    }
    const versions = named.get(publisher) ?? [];
    named.set(publisher, versions);
    const known = versions.find((one) => one.announcement.id === id);
    if (known) return { entry: known, versions };
    const entry = { announcement, held: 0 };
    versions.push(entry);
    const content = this.#contents.get(id) ??
      { entries: new Set(), sources: new SourceSet<PeerRecord>(({ reachable }) => !!reachable) };
    this.#contents.set(id, content);
    content.entries.add(entry);
    const published = this.#publishers.get(publisher) ?? new Set();
    this.#publishers.set(publisher, published);
    published.add(entry);
    return { entry, versions };
  }

  /**
   * The entries that a query may mean: of the sets that it names, the smallest. So no caller hides
   * what a publisher announced under a name by crowding that name.
   */
  *#candidates({ name, file, publisher }: FindQuery): Generator<Entry> {
    const named = name === undefined ? undefined : this.#names.get(name) ?? new Map();
    if (named && publisher !== undefined) return yield* named.get(publisher) ?? [];
    const sets: Iterable<Entry>[] = [];
    let least = Infinity;
    const offer = (size: number, set: Iterable<Entry>) => {
      if (size < least) sets.unshift(set);
      least = Math.min(least, size);
    };
    if (named) offer(named.size, named.values().flatMap((versions) => versions));
    const content = file === undefined ? undefined : this.#contents.get(file)?.entries ?? new Set();
    if (content) offer(content.size, content);
    const own = publisher === undefined ? undefined : this.#publishers.get(publisher) ?? new Set();
    if (own) offer(own.size, own);
    yield* sets[0] ?? [];
  }

  #fits({ name, file, publisher, versions }: FindQuery, entry: Entry): boolean {
    const { announcement: a } = entry;
    return (name === undefined || a.name === name) &&
      (file === undefined || a.id === file) &&
      (publisher === undefined || a.publisher === publisher) &&
      (file !== undefined || versions || this.#newest(a) === entry);
  }

  #newest({ name, publisher }: Announcement): Entry | undefined {
    return newestOf(this.#names.get(name)?.get(publisher));
  }

  /** The number of peers that have an entry's content, under whatever name. */
  #total(entry: Entry): number {
    return this.#contents.get(entry.announcement.id)!.sources.size;
  }
}

/** The place at which a batch of a list of files begins, and the names that are in it. */
export function startOfList(pattern?: string, cursor?: string) {
  const { publisher: firstPublisher = FIRST_PUBLISHER, name: firstName = "" } =
    readCursor(CURSOR, cursor) ?? {};
  const glob = pattern === undefined ? undefined : new Glob(pattern);
  const prefix = glob?.prefix ?? "";
  const from = firstName > prefix ? firstName : prefix;
  return { glob, prefix, from, firstName, firstPublisher };
}

/** A source of a content, as Registry.listSources tells of it. */
export function sourceRecord(source: PeerRecord, announcement: Announcement): SourceRecord {
  const { id, publisher, time, size, kind } = announcement;
  return { ...source, id, publisher, time, size, ...kind && { kind } };
}

/** The id decides a tie, so that every bootstrap gives the same answer. */
function newestFirst({ announcement: a }: Entry, { announcement: b }: Entry): number {
  return b.time - a.time || (a.id < b.id ? 1 : -1);
}

/** The newest version. One that was taken while the clock was ahead is none: nothing would ever be newer. */
function newestOf(versions: Versions = []): Entry | undefined {
  return versions.find(({ announcement }) => !isAhead(announcement.time));
}
