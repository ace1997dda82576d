/**
 * A registry that several bootstraps share by way of Redis. Redis is an index, not the truth: each
 * bootstrap keeps its own peers in memory and publishes them, so Redis can be lost, emptied, paused or
 * full, and no peer notices. What this bootstrap can't know meanwhile is `busy`, never "nobody has it".
 */
import * as v from "valibot";
import { getLogger } from "@logtape/logtape";
import { messageOf } from "../../fault.ts";
import { delay } from "../../async/retry.ts";
import type { LegacyPeer } from "../../legacy/legacy_dialect.ts";
import { Refused } from "../../wire/answerer.ts";
import { Batch } from "../../wire/batch.ts";
import {
  type Announcement,
  type FileRecord,
  type Found,
  type Holding,
  type PeerRecord,
  type SourceRecord,
  SOURCES_CAP,
} from "../../wire/protocol.ts";
import { MemoryRegistry, type MemoryRegistryOptions } from "../memory_registry.ts";
import type {
  FindQuery,
  ListBatch,
  Listing,
  RegisteredPeer,
  Registry,
  SharedState,
} from "../registry.ts";
import { TokenBucket } from "../../async/token_bucket.ts";
import { Publisher } from "./publisher.ts";
import { Reader } from "./reader.ts";
import { LinkError, type LinkObserver, RedisLink } from "./redis_link.ts";
import type { RegistryUrl } from "./registry_url.ts";
import { SCRIPTS } from "./scripts.ts";

const log = getLogger(["shoal", "bootstrap", "registry"]);

/** Interval of renewing buckets and of telling the others what is held here, in milliseconds. */
const RENEW_MS = 20_000;
/** Time that a question waits for what has changed here just before, in milliseconds. */
const OWN_CHANGES_MS = 500;
/** The same for a list, which is asked of Redis alone: one that came too early would lack peers. */
const LIST_CHANGES_MS = 10_000;
/**
 * Age at which a registry has what all bootstraps hold, in seconds: each sees within a second that it
 * was emptied, and publishes 100,000 names in 5 s.
 */
const COMPLETE_S = 15;
/** The pause after which a caller may ask again, in seconds. */
const UNSURE_RETRY_S = 2;
/** Batches of lists a second over all bootstraps: an eighth of what Redis can do. */
const LISTS = 15;
/** The pause after which a list may be asked for again, in seconds. */
const LISTS_RETRY_S = 1;
/** Interval of clearing up after bootstraps that were killed, in milliseconds. */
const SCRUB_MS = 1_000;
/** Names that are looked at each time: about a millisecond. */
const SCRUBBED = 50;
/** Longest report of another bootstrap, in characters. */
const REPORT_CAP = 65_536;

const amount = v.pipe(v.number(), v.integer(), v.minValue(0));
const Taken = v.object({ total: amount, of: v.record(v.string(), amount) });
/** A report of another bootstrap. */
const Report = v.object({ peers: Taken, names: Taken, bytes: Taken });

export interface SharedRegistryOptions {
  url: RegistryUrl;
  /** The name of the swarm: several share one Redis. */
  name: string;
  /** Of the registry in memory. */
  memory?: MemoryRegistryOptions;
  observer?: LinkObserver;
  /** @default RENEW_MS */
  renewMs?: number;
  /** Time for which a peer stays when its bootstrap is gone, in milliseconds. @default 60_000 */
  bucketMs?: number;
  /** Time for which answers are kept, in milliseconds. @default 1_000 */
  keptMs?: number;
  /** @default COMPLETE_S */
  completeS?: number;
  /** Batches of lists a second, over all bootstraps. @default LISTS */
  lists?: number;
  /** Interval of clearing up, in milliseconds. @default SCRUB_MS */
  scrubMs?: number;
}

export class SharedRegistry implements Registry {
  readonly #memory: MemoryRegistry;
  readonly #link: RedisLink;
  readonly #publisher: Publisher;
  readonly #reader: Reader;
  readonly #token: string;
  readonly #options: SharedRegistryOptions;
  readonly #stopped = new AbortController();
  readonly #running: Promise<void>[];
  #lists: TokenBucket;
  #bootstraps = 1;

  private constructor(link: RedisLink, token: string, options: SharedRegistryOptions) {
    this.#link = link;
    this.#token = token;
    this.#options = options;
    this.#lists = this.#listsFor(1);
    const { memory, bucketMs, keptMs } = options;
    this.#publisher = new Publisher({ link, token, bucketMs });
    this.#reader = new Reader({ link, keptMs });
    const forget = (announcement: Announcement) => this.#reader.forget(announcement);
    const publisher = this.#publisher;
    this.#memory = new MemoryRegistry({
      ...memory,
      listener: {
        listed: (record, holdings) => publisher.listed(record, holdings),
        reached: (record) => publisher.reached(record),
        gone: (record) => publisher.gone(record),
        held(record, announcement) {
          forget(announcement);
          publisher.held(record, announcement);
        },
        released(record, announcement) {
          forget(announcement);
          publisher.released(record, announcement);
        },
      },
    });
    this.#running = [this.#keep(), this.#scrub()];
  }

  /** Connects, as RedisLink.open does. */
  static async open(options: SharedRegistryOptions): Promise<SharedRegistry> {
    const { url, name, observer } = options;
    const token = crypto.randomUUID().replaceAll("-", "").slice(0, 16);
    let restart = () => {};
    const link = await RedisLink.open({
      url,
      token,
      observer,
      prefix: `{sh1:${name}}`,
      onLife: () => restart(),
    });
    const registry = new SharedRegistry(link, token, options);
    restart = () => registry.#publisher.restart();
    return registry;
  }

  get shared(): SharedState {
    const { there, writable } = this.#link.state;
    return { id: this.#link.id, state: there ? writable ? "ready" : "full" : "away" };
  }

  /** The reason why the registry can't be asked, or takes nothing new; undefined when all is well. */
  get trouble(): string | undefined {
    const { there, writable, why } = this.#link.state;
    return there && writable ? undefined : why;
  }

  /** Changes that Redis has not taken yet. */
  get backlog(): number {
    return this.#publisher.backlog;
  }

  /** Bootstraps of this registry, this one among them. */
  get bootstraps(): number {
    return this.#bootstraps;
  }

  /** Ends the connection. What was published goes when it is not renewed; peers are elsewhere by then. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#running);
    await this.#publisher.stop();
    await this.#link.run(SCRIPTS.leave, this.#token).catch(() => {});
    await this.#link.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async register(peer: RegisteredPeer, from?: string): Promise<void> {
    await this.#memory.register(peer, from);
  }

  async reached(peer: string, listing: Listing): Promise<boolean> {
    return await this.#memory.reached(peer, listing);
  }

  async heartbeat(peer: string): Promise<Listing> {
    return await this.#memory.heartbeat(peer);
  }

  async listing(peer: string): Promise<Listing | undefined> {
    return await this.#memory.listing(peer);
  }

  async goodbye(peer: string): Promise<void> {
    await this.#memory.goodbye(peer);
  }

  async announce(peer: string, announcements: Announcement[]): Promise<void> {
    await this.#memory.announce(peer, announcements);
  }

  async withdraw(peer: string, holdings: Holding[]): Promise<void> {
    await this.#memory.withdraw(peer, holdings);
  }

  async registerLegacy(peer: LegacyPeer): Promise<void> {
    await this.#memory.registerLegacy(peer);
  }

  async legacyReached(peer: LegacyPeer): Promise<void> {
    await this.#memory.legacyReached(peer);
  }

  async forgetLegacy(peer: LegacyPeer): Promise<void> {
    await this.#memory.forgetLegacy(peer);
  }

  /** Those of this bootstrap alone: each probes its own. */
  async legacyPeers(): Promise<LegacyPeer[]> {
    return await this.#memory.legacyPeers();
  }

  async getPeers(cursor?: string): Promise<ListBatch<PeerRecord>> {
    // A list that began while Redis was away goes on with this bootstrap's peers.
    if (cursor !== undefined && !/^\d{1,15}$/.test(cursor)) {
      return await this.#memory.getPeers(cursor);
    }
    this.#ration();
    await this.#settle(LIST_CHANGES_MS);
    return await this.#orElse(() => this.#reader.peers(cursor), async () => {
      if (cursor !== undefined) throw this.#unsure();
      return await this.#memory.getPeers();
    });
  }

  async find(query: FindQuery): Promise<ListBatch<Found>> {
    const kept = this.#reader.kept(query);
    if (kept) return kept;
    const isFlushed = await this.#settle();
    return await this.#orElse(async () => {
      const { found, age } = await this.#reader.find(query);
      const { completeS = COMPLETE_S } = this.#options;
      // The others have published what they hold, too.
      const isSure = this.#publisher.isComplete && age >= completeS;
      if (isFlushed && isSure) return found;
      const both = merge(query, found, await this.#memory.find(query));
      if (both.items.length === 0 && !isSure) throw this.#unsure();
      return both;
    }, async () => {
      const own = await this.#memory.find(query);
      if (own.items.length === 0) throw this.#unsure();
      return own;
    });
  }

  async listFiles(pattern?: string, cursor?: string): Promise<ListBatch<FileRecord>> {
    this.#ration();
    await this.#settle(LIST_CHANGES_MS);
    return await this.#orElse(
      () => this.#reader.files(pattern, cursor),
      () => this.#memory.listFiles(pattern, cursor),
    );
  }

  async listSources(name: string, cursor?: string): Promise<ListBatch<SourceRecord>> {
    // A list that began while Redis was away goes on with this bootstrap's peers.
    if (cursor && !/[fu]\d+$/.test(cursor)) return await this.#memory.listSources(name, cursor);
    this.#ration();
    await this.#settle(LIST_CHANGES_MS);
    return await this.#orElse(() => this.#reader.sources(name, cursor), async () => {
      if (cursor !== undefined) throw this.#unsure();
      const own = await this.#memory.listSources(name);
      if (own.items.length === 0) throw this.#unsure();
      return own;
    });
  }

  /** True for what this bootstrap has: what lies in Redis proves no signature. */
  isKnown(announcement: Announcement): boolean {
    return this.#memory.isKnown(announcement);
  }

  /** Those of this bootstrap. */
  get counts(): { peers: number; names: number } {
    return this.#memory.counts;
  }

  async expire(): Promise<void> {
    await this.#memory.expire();
  }

  #unsure(): Refused {
    const why = this.#link.state.why ?? "it was emptied a moment ago";
    const message = `the registry of this bootstrap can't be asked now: ${why}`;
    return new Refused("busy", message, UNSURE_RETRY_S);
  }

  /** This bootstrap's part of the lists that Redis has time for, and a few seconds' worth at once. */
  #listsFor(bootstraps: number): TokenBucket {
    const { lists = LISTS } = this.#options;
    return new TokenBucket({ rate: lists / bootstraps, burst: 4 * lists }, performance.now());
  }

  /** Takes a part of what lists may cost Redis. */
  #ration(): void {
    if (!this.#link.state.there) return;
    if (this.#lists.tryTake(performance.now())) return;
    throw new Refused("busy", "the registry is asked for too many lists", LISTS_RETRY_S);
  }

  /** Has Redis know what has changed here. True when it does. */
  async #settle(ms = OWN_CHANGES_MS): Promise<boolean> {
    await this.#memory.expire();
    return await this.#publisher.flushed(ms);
  }

  /** The answer of Redis, or what is known here when it can't be asked. */
  async #orElse<T>(ask: () => Promise<T>, otherwise: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      if (error.kind === "unsure") this.#publisher.restart();
      return await otherwise();
    }
  }

  /** Renews what is published, and counts what the other bootstraps hold into the limits. */
  async #keep(): Promise<void> {
    const { signal } = this.#stopped;
    const { renewMs = RENEW_MS } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#publisher.renew();
        await this.#tell();
      } catch (error) {
        if (!(error instanceof LinkError)) log.error("{error}", { error: messageOf(error) });
      }
      await delay(renewMs * (0.8 + 0.2 * Math.random()), signal).catch(() => {});
    }
  }

  async #tell(): Promise<void> {
    const { renewMs = RENEW_MS } = this.#options;
    const own = JSON.stringify(this.#memory.report());
    const ttl = String(3 * renewMs);
    const told = await this.#link.run(SCRIPTS.tell, this.#token, ttl, own) as unknown[];
    const reports = told.map(String).filter((text) => text.length <= REPORT_CAP).flatMap((text) => {
      const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), Report), text);
      return parsed.success ? [parsed.output] : [];
    });
    this.#memory.countElsewhere(reports);
    const bootstraps = told.length + 1;
    if (bootstraps === this.#bootstraps) return;
    this.#bootstraps = bootstraps;
    this.#lists = this.#listsFor(bootstraps);
  }

  async #scrub(): Promise<void> {
    const { signal } = this.#stopped;
    const { scrubMs = SCRUB_MS } = this.#options;
    let from = "";
    while (!signal.aborted) {
      await delay(scrubMs, signal).catch(() => {});
      if (signal.aborted || !this.#link.state.writable) continue;
      try {
        from = await this.#reader.scrub(this.#token, from, SCRUBBED, 3 * scrubMs);
      } catch (error) {
        if (!(error instanceof LinkError)) log.error("{error}", { error: messageOf(error) });
      }
    }
  }
}

/** The answers of Redis and of this bootstrap, one for each content and publisher. */
function merge(
  query: FindQuery,
  shared: ListBatch<Found>,
  own: ListBatch<Found>,
): ListBatch<Found> {
  const all = new Map<string, Found>();
  for (const one of [...shared.items, ...own.items]) {
    const { name, publisher, id } = one.announcement;
    const key = `${publisher} ${id} ${name}`;
    const known = all.get(key);
    if (!known) {
      all.set(key, one);
      continue;
    }
    const sources = new Map(
      [...known.sources, ...one.sources].map((source) => [source.peer, source]),
    );
    const total = Math.max(known.total, one.total, sources.size);
    all.set(key, { ...known, sources: [...sources.values()].slice(0, SOURCES_CAP), total });
  }
  let items = [...all.values()];
  if (query.file === undefined && !query.versions) {
    const newest = Map.groupBy(items, ({ announcement: a }) => `${a.publisher} ${a.name}`);
    items = [...newest.values()].map((some) =>
      some.reduce((a, b) => a.announcement.time >= b.announcement.time ? a : b)
    );
  }
  const batch = new Batch<Found>();
  for (const one of items) if (!batch.add(one)) break;
  return { items: batch.items, steps: (shared.steps ?? 0) + (own.steps ?? 0) };
}
