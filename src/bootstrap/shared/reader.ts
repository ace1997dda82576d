/** Asks Redis what all bootstraps published. What it says is checked: it may hold anything. */
import { Buffer } from "node:buffer";
import { LruMap } from "../../async/lru_map.ts";
import { latestTime } from "../../trust/announcement.ts";
import { Batch, readCursor } from "../../wire/batch.ts";
import {
  type Announcement,
  type FileRecord,
  type Found,
  LIST_CAP,
  type PeerRecord,
  type SourceRecord,
  SOURCES_CAP,
} from "../../wire/protocol.ts";
import { FIRST_PUBLISHER, sourceRecord, startOfList } from "../file_index.ts";
import type { FindQuery, ListBatch } from "../registry.ts";
import {
  decodeAnnouncement,
  decodeName,
  decodePeer,
  encodeAnnouncement,
  encodeName,
  nameNumber,
  sourcesKey,
} from "./records.ts";
import type { RedisLink } from "./redis_link.ts";
import { SCRIPTS } from "./scripts.ts";

/** Time for which an answer is given again, in milliseconds. */
const KEPT_MS = 1_000;
/** Answers that are kept. */
const MAX_KEPT = 4_096;
/** Sources that are drawn for a kept answer; each caller gets some of them. */
const DRAWN = 2 * SOURCES_CAP;
/** Announcements in one answer of Redis: it is busy with them for about 2 ms. */
const BATCH = 100;
/** Names that one call looks up. */
const NAMES = 50;
/** Names that one call lists: about half a millisecond. */
const LISTED = 400;
/** Names that are looked at for one batch of a list. */
const LIST_WORK = 4_000;
/** Steps of a glob for one batch of a list, as in memory. */
const GLOB_WORK = 200_000;
/** Sources that one call reads: of a small set, Redis gives all at once. */
const SCANNED = 520;
/** Buckets for one batch of peers: 32 peers each. */
const BUCKETS = 31;
/** Longest answer that is looked at, in bytes. */
const ANSWER_CAP = 4 << 20;

const SOURCES_CURSOR =
  /^(?<id>[0-9a-f]{64})(?<publisher>[0-9a-f]{64})(?<set>[fu])(?<place>\d{1,20})$/;

interface Answer {
  items: Found[];
  /** Seconds since the registry began. */
  age: number;
}

export interface ReaderOptions {
  link: RedisLink;
  /** Time for which answers are kept, in milliseconds. @default KEPT_MS */
  keptMs?: number;
}

export class Reader {
  readonly #link: RedisLink;
  readonly #keptMs: number;
  readonly #kept = new LruMap<string, { answer: Answer; until: number }>(MAX_KEPT);
  /** Questions that Redis is being asked. */
  readonly #asking = new Map<string, Promise<Answer>>();
  /** Changes with every announcement of this bootstrap's: what was asked before is not kept. */
  #changes = 0;

  constructor({ link, keptMs = KEPT_MS }: ReaderOptions) {
    this.#link = link;
    this.#keptMs = keptMs;
  }

  /** The answer that is kept, with sources drawn anew; undefined for none. */
  kept(query: FindQuery): ListBatch<Found> | undefined {
    const known = this.#kept.get(keyOf(query));
    if (known && performance.now() < known.until && known.answer.items.length > 0) {
      return batchOf(known.answer.items);
    }
  }

  /** Forgets answers that an announcement of this bootstrap's changes. */
  forget({ name, id, publisher }: Announcement): void {
    this.#changes++;
    if (this.#kept.size === 0) return;
    for (const versions of [undefined, true]) {
      for (
        const query of [
          { name },
          { name, file: id },
          { name, publisher },
          { file: id },
          { publisher },
          { file: id, publisher },
        ]
      ) this.#kept.delete(keyOf({ ...query, versions }));
    }
  }

  /** The answer of Redis, and the age of the registry in seconds. Throws a LinkError. */
  async find(query: FindQuery): Promise<{ found: ListBatch<Found>; age: number }> {
    const key = keyOf(query);
    let asking = this.#asking.get(key);
    if (!asking) {
      const changes = this.#changes;
      asking = this.#ask(query).then((answer) => {
        if (this.#keptMs > 0 && changes === this.#changes) {
          this.#kept.set(key, { answer, until: performance.now() + this.#keptMs });
        }
        return answer;
      }).finally(() => this.#asking.delete(key));
      // Only what is asked from now on is the same question.
      if (this.#keptMs > 0) this.#asking.set(key, asking);
    }
    const { items, age } = await asking;
    return { found: batchOf(items), age };
  }

  /** Peers, bucket by bucket. */
  async peers(cursor = "0"): Promise<ListBatch<PeerRecord>> {
    const batch = new Batch<PeerRecord>();
    const reply = await this.#link.run(SCRIPTS.peers, cursor, String(BUCKETS + 1));
    const answer = asArray(reply);
    const seen = new Set<string>();
    for (let at = 0; at + 1 < answer.length; at += 2) {
      const bucket = String(answer[at]);
      if (at / 2 === BUCKETS) return { items: batch.items, cursor: bucket };
      const fields = asArray(answer[at + 1]);
      for (let field = 0; field + 1 < fields.length; field += 2) {
        if (String(fields[field]) === "o") continue;
        const record = decodePeer(asBuffer(fields[field + 1]));
        if (!record || record.peer && seen.has(record.peer)) continue;
        if (record.peer) seen.add(record.peer);
        batch.add(record);
      }
    }
    return { items: batch.items };
  }

  /** Files and folders on offer, as Registry.listFiles has them. */
  async files(pattern?: string, cursor?: string): Promise<ListBatch<FileRecord>> {
    const { glob, prefix, from, firstName, firstPublisher } = startOfList(pattern, cursor);
    const batch = new Batch<FileRecord>();
    let [start, next] = ["[", from];
    let looked = 0;
    for (;;) {
      const names = await this.#names(start, next, LISTED);
      let wanted: string[] = [];
      for (const [n, name] of names.entries()) {
        if (!name.startsWith(prefix)) {
          names.length = n;
          break;
        }
        if ((glob?.work ?? 0) > GLOB_WORK) {
          return await this.#list(wanted, batch, firstName, firstPublisher) ??
            { items: batch.items, cursor: FIRST_PUBLISHER + name };
        }
        if (!glob || glob.matches(name)) wanted.push(name);
        if (wanted.length < NAMES) continue;
        const full = await this.#list(wanted, batch, firstName, firstPublisher);
        if (full) return full;
        wanted = [];
      }
      const full = await this.#list(wanted, batch, firstName, firstPublisher);
      if (full) return full;
      if (names.length < LISTED) return { items: batch.items };
      [start, next] = ["(", names.at(-1)!];
      looked += names.length;
      // A cursor names where to begin, and the last name is done: what follows it begins with it.
      if (looked >= LIST_WORK) return { items: batch.items, cursor: FIRST_PUBLISHER + next + "\0" };
    }
  }

  /**
   * All sources of a name, as Registry.listSources has them. A cursor is a content, its publisher, the
   * set that is read and Redis's own cursor.
   */
  async sources(name: string, cursor?: string): Promise<ListBatch<SourceRecord>> {
    const from = readCursor(SOURCES_CURSOR, cursor);
    const numbers = [nameNumber(name)];
    const { items } = await this.#records({ sources: 0, versions: true, most: BATCH, numbers });
    const versions = items.map(({ announcement }) => announcement)
      .filter((announcement) => announcement.name === name)
      .sort((a, b) => b.time - a.time || (a.id < b.id ? 1 : -1));
    const first = versions.findIndex(({ id, publisher }) =>
      id === from?.id && publisher === from?.publisher
    );
    const batch = new Batch<SourceRecord>();
    for (const announcement of versions.slice(Math.max(0, first))) {
      const { id, publisher } = announcement;
      const key = sourcesKey(encodeAnnouncement(announcement));
      const isFirst = versions[first] === announcement;
      for (const set of isFirst && from?.set === "u" ? ["u"] : ["f", "u"]) {
        let at = isFirst && from?.set === set ? from.place! : "0";
        do {
          if (batch.items.length > LIST_CAP - SCANNED) {
            return { items: batch.items, cursor: `${id}${publisher}${set}${at}` };
          }
          const reply = asArray(
            await this.#link.run(SCRIPTS.sources, key, set, at, String(SCANNED / 2)),
          );
          for (const packed of asArray(reply[1])) {
            const record = decodePeer(asBuffer(packed));
            if (record?.peer) batch.add(sourceRecord(record, announcement));
          }
          at = String(reply[0]);
        } while (/^[1-9]\d{0,19}$/.test(at));
      }
    }
    return { items: batch.items };
  }

  /** Clears up the next names. Returns where to go on; from the beginning after the last. */
  async scrub(token: string, from: string, most: number, ms: number): Promise<string> {
    const names = await this.#names("[", from, most + 1);
    const some = names.slice(0, most).map(nameNumber);
    if (some.length > 0) await this.#link.run(SCRIPTS.scrub, token, String(ms), ...some);
    return names[most] ?? "";
  }

  /** So many names in order, from one on: with it (`[`) or without (`(`). */
  async #names(start: string, from: string, most: number): Promise<string[]> {
    const first = Buffer.concat([Buffer.from(start), encodeName(from)]);
    const reply = await this.#link.run(SCRIPTS.names, first, String(most));
    return asArray(reply).map((name) => decodeName(asBuffer(name)));
  }

  /** Adds what these names stand for. Returns the batch when it is full. */
  async #list(
    names: string[],
    batch: Batch<FileRecord>,
    firstName: string,
    firstPublisher: string,
  ): Promise<ListBatch<FileRecord> | undefined> {
    if (names.length === 0) return;
    const first = names[0] === firstName ? Buffer.from(firstPublisher, "hex") : "";
    const numbers = names.map(nameNumber);
    const { items } = await this.#records({ sources: 0, first, most: BATCH + 1, numbers });
    const byName = Map.groupBy(items, ({ announcement }) => announcement.name);
    let left = BATCH;
    for (const name of names) {
      const some = (byName.get(name) ?? [])
        .filter(({ announcement: { publisher } }) =>
          name !== firstName || publisher >= firstPublisher
        )
        .sort((a, b) => a.announcement.publisher < b.announcement.publisher ? -1 : 1);
      for (const { announcement, total } of some) {
        const { signature: _signature, ...announced } = announcement;
        const cursor = announcement.publisher + name;
        // There may be more than one answer holds.
        if (items.length > BATCH && left-- === 0) return { items: batch.items, cursor };
        if (!batch.add({ ...announced, sources: total })) return { items: batch.items, cursor };
      }
    }
  }

  async #ask(query: FindQuery): Promise<Answer> {
    const { name, file, publisher, versions } = query;
    const one = { sources: DRAWN, file, publisher, versions, most: BATCH };
    let answer: Answer;
    if (name !== undefined) answer = await this.#records({ ...one, numbers: [nameNumber(name)] });
    else if (file !== undefined) answer = await this.#records({ ...one, numbers: [] });
    else {
      const who = Buffer.from(publisher!, "hex");
      const reply = await this.#link.run(SCRIPTS.published, who, String(LIST_CAP));
      const numbers = asArray(reply).map(String);
      answer = await this.#records({ ...one, numbers: numbers.splice(0, NAMES) });
      while (numbers.length > 0) {
        const more = await this.#records({ ...one, numbers: numbers.splice(0, NAMES) });
        answer.items.push(...more.items);
      }
    }
    const items = answer.items.filter(({ announcement: a }) =>
      (name === undefined || a.name === name) && (file === undefined || a.id === file) &&
      (publisher === undefined || a.publisher === publisher)
    );
    items.sort((a, b) => versions ? b.announcement.time - a.announcement.time : b.total - a.total);
    return { items, age: answer.age };
  }

  async #records(
    { sources, file = "", publisher = "", versions, first, most, numbers }: {
      sources: number;
      file?: string;
      publisher?: string;
      versions?: boolean;
      /** Of a list: the publisher to begin with. */
      first?: Buffer | string;
      most: number;
      numbers: string[];
    },
  ): Promise<Answer> {
    const reply = asArray(
      await this.#link.run(
        SCRIPTS.find,
        String(latestTime()),
        String(sources),
        versions ? "1" : "",
        Buffer.from(file, "hex"),
        Buffer.from(publisher, "hex"),
        first === undefined ? "" : "1",
        first ?? "",
        String(most),
        ...numbers,
      ),
    );
    const items: Found[] = [];
    const found = asArray(reply[1]);
    let bytes = 0;
    for (let at = 0; at + 2 < found.length && bytes < ANSWER_CAP; at += 3) {
      const packed = asBuffer(found[at + 2]);
      bytes += packed.length;
      const announcement = decodeAnnouncement(asBuffer(found[at]));
      const total = Number(found[at + 1]);
      if (!announcement || !Number.isSafeInteger(total) || total < 0) continue;
      items.push({ announcement, sources: sourcesOf(packed), total });
    }
    return { items, age: Number(reply[0]) };
  }
}

/** Each peer once: one that is at two bootstraps was drawn as two. */
function sourcesOf(packed: Buffer): PeerRecord[] {
  const sources = new Map<string, PeerRecord>();
  for (let at = 0; at + 2 <= packed.length && sources.size < DRAWN;) {
    const length = packed.readUInt16BE(at);
    const record = decodePeer(packed.subarray(at + 2, at + 2 + length));
    at += 2 + length;
    if (record?.peer === undefined) continue;
    sources.set(record.peer, record);
  }
  return [...sources.values()];
}

/** As many as fit one message, each with some of the sources that were drawn. */
function batchOf(found: Found[]): ListBatch<Found> {
  const batch = new Batch<Found>();
  let steps = found.length;
  for (const { announcement, sources: all, total } of found) {
    const sources = some(all);
    steps += sources.length;
    if (!batch.add({ announcement, sources, total })) break;
  }
  return { items: batch.items, steps };
}

/** At most SOURCES_CAP of them: of those that were reached, and if they are fewer, of the others too. */
function some(sources: PeerRecord[]): PeerRecord[] {
  const { reached = [], others = [] } = Object.groupBy(
    sources,
    ({ reachable }) => reachable ? "reached" : "others",
  );
  const first = inARow(reached, SOURCES_CAP);
  return [...first, ...inARow(others, SOURCES_CAP - first.length)]
    .map(({ peer, address, port }) => ({ peer, address, port }));
}

/** So many of them, from anywhere on: they were drawn in any order. */
function inARow<T>(list: T[], count: number): T[] {
  if (list.length <= count) return list;
  const start = Math.floor(Math.random() * list.length);
  return [...list.slice(start), ...list.slice(0, start)].slice(0, count);
}

function keyOf({ name, file, publisher, versions }: FindQuery): string {
  return JSON.stringify([name, file, publisher, versions || undefined]);
}

function asArray(reply: unknown): unknown[] {
  return Array.isArray(reply) ? reply : [];
}

function asBuffer(reply: unknown): Buffer {
  return Buffer.isBuffer(reply) ? reply : Buffer.from(String(reply ?? ""));
}
