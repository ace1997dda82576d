// deno-lint-ignore-file require-await -- a registry is asynchronous; one in memory need not wait
/**
 * A registry in this process's memory. It has no timers of its own: the clock is passed in, and a peer
 * that has been silent for too long is gone with the next call.
 */
import type { LegacyPeer } from "../legacy/legacy_dialect.ts";
import { Refused } from "../wire/answerer.ts";
import { formatAddress } from "../wire/connection.ts";
import {
  type Announcement,
  type FileRecord,
  type Found,
  type Holding,
  type PeerRecord,
  SILENCE_MS,
  type SourceRecord,
} from "../wire/protocol.ts";
import { type Entry, FileIndex } from "./file_index.ts";
import { Batch, readCursor } from "../wire/batch.ts";
import {
  FULL_RETRY_S,
  MAX_HOLDINGS,
  MAX_HOLDINGS_PER_ADDRESS,
  MAX_NAME_BYTES,
  MAX_NAME_BYTES_PER_ADDRESS,
  MAX_PEERS,
  MAX_PEERS_PER_ADDRESS,
  MAX_SHARED_HOLDINGS,
  MAX_SHARED_NAME_BYTES,
  MAX_SHARED_PEERS,
  MAX_TOTAL_HOLDINGS,
} from "./limits.ts";
import { Quota, type UsedQuota } from "./quota.ts";
import type { FindQuery, ListBatch, Listing, RegisteredPeer, Registry } from "./registry.ts";
import { SortedKeys } from "./sorted_keys.ts";

/** The pause after which more names may be announced, in seconds: names seldom go soon. */
const NAMES_RETRY_S = 300;
/**
 * Names that a peer which is gone gives back with each call, about 2 ms: all 100,000 at once would
 * make everybody wait. Until then they may still be found.
 */
const LEAVING = 2_000;
/** A cursor of a list of peers: a peer id, or the address of a legacy peer. */
const CURSOR = /^(?:[0-9a-f]{64}|.{1,255}:\d{1,5})$/;

const encoder = new TextEncoder();

/** Hears of every change of a registry in memory, in order. A record is the same object for good. */
export interface RegistryListener {
  /** A peer is listed, or what is told of it has changed. `holdings` is kept up to date. */
  listed(record: PeerRecord, holdings: ReadonlyMap<string, Entry>): void;
  /** A peer became reachable, or is so no longer. */
  reached(record: PeerRecord): void;
  /** A peer is gone. What it held is released after that, a part at a time. */
  gone(record: PeerRecord): void;
  held(record: PeerRecord, announcement: Announcement): void;
  released(record: PeerRecord, announcement: Announcement): void;
}

/** The amounts that a bootstrap holds. */
export interface Holdings {
  peers: UsedQuota;
  names: UsedQuota;
  bytes: UsedQuota;
}

export interface MemoryRegistryOptions {
  /** Hears of every change. Default nobody. */
  listener?: RegistryListener;
  /** A clock that never goes back, in milliseconds. @default performance.now */
  now?: () => number;
  /** From 0 (included) to 1 (excluded). @default Math.random */
  random?: () => number;
  /** @default MAX_PEERS */
  maxPeers?: number;
  /** @default MAX_HOLDINGS */
  maxHoldings?: number;
  /** @default MAX_TOTAL_HOLDINGS */
  maxTotalHoldings?: number;
  /** @default MAX_PEERS_PER_ADDRESS */
  maxPeersPerAddress?: number;
  /** @default MAX_HOLDINGS_PER_ADDRESS */
  maxHoldingsPerAddress?: number;
  /** @default MAX_NAME_BYTES */
  maxNameBytes?: number;
  /** @default MAX_NAME_BYTES_PER_ADDRESS */
  maxNameBytesPerAddress?: number;
}

interface Peer {
  record: RegisteredPeer & Listing;
  /** The address that it counts for. */
  from: string;
  seen: number;
  /** The contents that it holds, by name. */
  holdings: Map<string, Entry>;
  /** Names that it announced before it registered anew, and not again. */
  unconfirmed: Set<string>;
}

export class MemoryRegistry implements Registry {
  /** By peer id; the peer that has been silent for longest comes first. */
  readonly #peers = new Map<string, Peer>();
  /**
   * The times at which old announcements of peers that registered anew expire, by peer id; the
   * first comes first.
   */
  readonly #renewed = new Map<string, number>();
  /** By `address:port`. */
  readonly #legacyPeers = new Map<string, Listing>();
  /** The keys of both. */
  readonly #keys = new SortedKeys();
  /** Peers that are gone, and still hold names. */
  readonly #leaving: Peer[] = [];
  readonly #files: FileIndex;
  readonly #now: () => number;
  readonly #maxHoldings: number;
  readonly #peerQuota: Quota;
  readonly #holdingQuota: Quota;
  readonly #nameBytes: Quota;
  readonly #listener: RegistryListener | undefined;

  constructor(options: MemoryRegistryOptions = {}) {
    this.#listener = options.listener;
    this.#now = options.now ?? (() => performance.now());
    this.#files = new FileIndex(options.random ?? Math.random);
    this.#maxHoldings = options.maxHoldings ?? MAX_HOLDINGS;
    this.#peerQuota = new Quota({
      what: "peers",
      perAddress: options.maxPeersPerAddress ?? MAX_PEERS_PER_ADDRESS,
      total: options.maxPeers ?? MAX_PEERS,
      shared: MAX_SHARED_PEERS,
      retryAfter: FULL_RETRY_S,
    });
    this.#holdingQuota = new Quota({
      what: "names",
      perAddress: options.maxHoldingsPerAddress ?? MAX_HOLDINGS_PER_ADDRESS,
      total: options.maxTotalHoldings ?? MAX_TOTAL_HOLDINGS,
      shared: MAX_SHARED_HOLDINGS,
      retryAfter: NAMES_RETRY_S,
    });
    this.#nameBytes = new Quota({
      what: "bytes of names",
      perAddress: options.maxNameBytesPerAddress ?? MAX_NAME_BYTES_PER_ADDRESS,
      total: options.maxNameBytes ?? MAX_NAME_BYTES,
      shared: MAX_SHARED_NAME_BYTES,
      retryAfter: NAMES_RETRY_S,
    });
  }

  async register(peer: RegisteredPeer, from = peer.address): Promise<void> {
    this.#expire();
    const { peer: id } = peer;
    const known = this.#peers.get(id);
    if (known) return this.#renew(known, peer);
    this.#peerQuota.add(from);
    const record = { ...peer, reachable: null };
    const holdings = new Map<string, Entry>();
    this.#peers.set(id, { record, from, seen: this.#now(), holdings, unconfirmed: new Set() });
    this.#keys.add(id);
    this.#listener?.listed(record, holdings);
  }

  async reached(peer: string, { address, port, reachable }: Listing): Promise<boolean> {
    this.#expire();
    const { record, holdings } = this.#peers.get(peer) ?? {};
    if (!record || !holdings) return false;
    const changed = record.reachable !== reachable;
    Object.assign(record, { address, port, reachable });
    if (changed) this.#files.update(record, holdings.values());
    this.#listener?.listed(record, holdings);
    if (changed) this.#listener?.reached(record);
    return true;
  }

  async heartbeat(peer: string): Promise<Listing> {
    return listingOf(this.#alive(peer));
  }

  async listing(peer: string): Promise<Listing | undefined> {
    this.#expire();
    const known = this.#peers.get(peer);
    return known && listingOf(known);
  }

  async goodbye(peer: string): Promise<void> {
    this.#forget(peer);
  }

  async announce(peer: string, announcements: Announcement[]): Promise<void> {
    const known = this.#alive(peer);
    const { record, from, holdings, unconfirmed } = known;
    const announced = new Set(announcements.map(({ name }) => name));
    const names = announced.difference(holdings);
    const excess = holdings.size + names.size - this.#maxHoldings;
    this.#release(known, unconfirmed.difference(announced), Math.max(0, excess));
    if (holdings.size + names.size > this.#maxHoldings) {
      const message = `a peer may announce at most ${this.#maxHoldings} names`;
      throw new Refused("busy", message, NAMES_RETRY_S);
    }
    const bytes = bytesOf(names);
    this.#holdingQuota.add(from, names.size);
    try {
      this.#nameBytes.add(from, bytes);
    } catch (error) {
      this.#holdingQuota.remove(from, names.size);
      throw error;
    }
    for (const announcement of announcements) {
      const { name } = announcement;
      // Held first and released then, so that what didn't change is not taken down and set up again.
      const before = holdings.get(name);
      const entry = this.#files.hold(announcement, record);
      holdings.set(name, entry);
      this.#listener?.held(record, announcement);
      if (before) this.#files.release(before, record);
      if (before && before !== entry) this.#listener?.released(record, before.announcement);
      unconfirmed.delete(name);
    }
    this.#listener?.listed(record, holdings);
  }

  async withdraw(peer: string, list: Holding[]): Promise<void> {
    const known = this.#alive(peer);
    const held = list.filter(({ name, id }) => known.holdings.get(name)?.announcement.id === id);
    this.#release(known, new Set(held.map(({ name }) => name)));
    this.#listener?.listed(known.record, known.holdings);
  }

  async registerLegacy({ address, port }: LegacyPeer): Promise<void> {
    this.#expire();
    const key = legacyKey({ address, port });
    if (this.#legacyPeers.has(key)) return;
    this.#peerQuota.add(address);
    const listing = { address, port, reachable: null };
    this.#legacyPeers.set(key, listing);
    this.#keys.add(key);
    this.#listener?.listed(listing, new Map());
  }

  async legacyReached(peer: LegacyPeer): Promise<void> {
    const known = this.#legacyPeers.get(legacyKey(peer));
    if (!known) return;
    known.reachable = true;
    this.#listener?.listed(known, new Map());
  }

  async forgetLegacy(peer: LegacyPeer): Promise<void> {
    const key = legacyKey(peer);
    const known = this.#legacyPeers.get(key);
    if (!known) return;
    this.#legacyPeers.delete(key);
    this.#listener?.gone(known);
    this.#keys.delete(key);
    this.#peerQuota.remove(peer.address);
  }

  async legacyPeers(): Promise<LegacyPeer[]> {
    return Array.from(this.#legacyPeers.values(), ({ address, port }) => ({ address, port }));
  }

  async getPeers(cursor = ""): Promise<ListBatch<PeerRecord>> {
    this.#expire();
    readCursor(CURSOR, cursor || undefined);
    const batch = new Batch<PeerRecord>();
    for (const key of this.#keys.from(cursor)) {
      const peer = this.#peers.get(key);
      const record = peer
        ? { ...peer.record, files: peer.holdings.size }
        : this.#legacyPeers.get(key)!;
      if (!batch.add(record)) return { items: batch.items, cursor: key };
    }
    return { items: batch.items };
  }

  async find(query: FindQuery): Promise<ListBatch<Found>> {
    this.#expire();
    return this.#files.find(query);
  }

  async listFiles(pattern?: string, cursor?: string): Promise<ListBatch<FileRecord>> {
    this.#expire();
    return this.#files.list(pattern, cursor);
  }

  async listSources(name: string, cursor?: string): Promise<ListBatch<SourceRecord>> {
    this.#expire();
    return this.#files.sources(name, cursor);
  }

  isKnown(announcement: Announcement): boolean {
    return this.#files.has(announcement);
  }

  /** The amounts that are held here, for the other bootstraps of a shared registry. */
  report(): Holdings {
    return {
      peers: this.#peerQuota.used,
      names: this.#holdingQuota.used,
      bytes: this.#nameBytes.used,
    };
  }

  /** Counts what the others hold into all limits. */
  countElsewhere(reports: Holdings[]): void {
    this.#peerQuota.countElsewhere(reports.map(({ peers }) => peers));
    this.#holdingQuota.countElsewhere(reports.map(({ names }) => names));
    this.#nameBytes.countElsewhere(reports.map(({ bytes }) => bytes));
  }

  get counts(): { peers: number; names: number } {
    return { peers: this.#peerQuota.total, names: this.#holdingQuota.total };
  }

  async expire(): Promise<void> {
    this.#expire();
  }

  /** The peer, which has just shown that it is there. Throws a Refused if it isn't known. */
  #alive(id: string): Peer {
    this.#expire();
    const peer = this.#peers.get(id);
    if (!peer) throw new Refused("not_registered", "register first");
    this.#see(id, peer);
    return peer;
  }

  /** Notes that a peer is there now: it comes last. */
  #see(id: string, peer: Peer): void {
    peer.seen = this.#now();
    this.#peers.delete(id);
    this.#peers.set(id, peer);
  }

  #expire(): void {
    const latest = this.#now() - SILENCE_MS;
    for (const [id, { seen }] of this.#peers) {
      if (seen > latest) break;
      this.#forget(id);
    }
    this.#giveBack();
  }

  #forget(id: string): void {
    const peer = this.#peers.get(id);
    if (!peer) return;
    this.#peers.delete(id);
    this.#renewed.delete(id);
    this.#keys.delete(id);
    this.#peerQuota.remove(peer.from);
    this.#listener?.gone(peer.record);
    this.#leaving.push(peer);
    this.#giveBack();
  }

  /**
   * Keeps what the peer announced until it had time to do so again: to register a second time must not
   * take from the swarm what is still there. It counts for the address that it came from first.
   */
  #renew(known: Peer, { agent, ...peer }: RegisteredPeer): void {
    const id = peer.peer;
    Object.assign(known.record, peer, { agent, reachable: null });
    this.#files.update(known.record, known.holdings.values());
    this.#listener?.listed(known.record, known.holdings);
    known.unconfirmed = new Set(known.holdings.keys());
    this.#see(id, known);
    this.#renewed.delete(id);
    this.#renewed.set(id, known.seen + SILENCE_MS);
  }

  /** Takes back what peers that are gone held, and didn't announce again, {@link LEAVING} names at most. */
  #giveBack(): void {
    let left = LEAVING;
    while (left > 0 && this.#leaving.length > 0) {
      const peer = this.#leaving[0]!;
      left -= this.#release(peer, peer.holdings, left);
      if (peer.holdings.size === 0) this.#leaving.shift();
    }
    for (const [id, until] of this.#renewed) {
      if (left === 0 || until > this.#now()) break;
      const peer = this.#peers.get(id)!;
      left -= this.#release(peer, peer.unconfirmed, left);
      if (peer.unconfirmed.size === 0) this.#renewed.delete(id);
    }
  }

  /** Takes back that the peer holds `names`, at most `most` of them. Returns how many that were. */
  #release(peer: Peer, names: { keys(): Iterable<string> }, most = Infinity): number {
    const { record, from, holdings, unconfirmed } = peer;
    const released: string[] = [];
    for (const name of names.keys()) {
      if (released.length >= most) break;
      const entry = holdings.get(name);
      if (!entry) continue;
      holdings.delete(name);
      this.#listener?.released(record, entry.announcement);
      this.#files.release(entry, record);
      unconfirmed.delete(name);
      released.push(name);
    }
    this.#holdingQuota.remove(from, released.length);
    this.#nameBytes.remove(from, bytesOf(released));
    return released.length;
  }
}

function listingOf({ record: { address, port, reachable } }: Peer): Listing {
  return { address, port, reachable };
}

/** The bytes of some names, as UTF-8. */
function bytesOf(names: Iterable<string>): number {
  let bytes = 0;
  for (const name of names) bytes += encoder.encode(name).length;
  return bytes;
}

function legacyKey({ address, port }: LegacyPeer): string {
  return formatAddress({ host: address, port });
}
