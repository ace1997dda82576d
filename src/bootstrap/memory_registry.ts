// deno-lint-ignore-file require-await -- a registry is asynchronous; one in memory need not wait
/**
 * A registry in this process's memory. It has no timers of its own: the clock is passed in, and
 * whoever has been silent for too long is gone as soon as anybody looks.
 */
import { Refused } from "../wire/answerer.ts";
import { formatAddress } from "../wire/connection.ts";
import {
  type Announcement,
  type FileRecord,
  type Found,
  type Holding,
  type PeerRecord,
  SILENCE_MS,
} from "../wire/protocol.ts";
import { type Entry, FileIndex } from "./file_index.ts";
import { Page } from "../wire/page.ts";
import type { FindQuery, ListPage, RegisteredPeer, Registry, SeedAddress } from "./registry.ts";
import { SortedKeys } from "./sorted_keys.ts";

/** Most peers that are here at one time, seed peers among them. */
export const MAX_PEERS = 20_000;
/** Most names that one peer may hold content under. */
export const MAX_HOLDINGS = 100_000;
/** Most names of all peers together: about 1 GB of memory. */
export const MAX_TOTAL_HOLDINGS = 1_000_000;

export interface MemoryRegistryOptions {
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
}

interface Peer {
  record: RegisteredPeer;
  seen: number;
  /** What it holds, by name. */
  holdings: Map<string, Entry>;
}

export class MemoryRegistry implements Registry {
  /** By peer id; whoever has been silent for longest comes first. */
  readonly #peers = new Map<string, Peer>();
  /** By `address:port`. */
  readonly #seeds = new Map<string, SeedAddress>();
  /** The keys of both. */
  readonly #keys = new SortedKeys();
  readonly #files: FileIndex;
  readonly #now: () => number;
  readonly #maxPeers: number;
  readonly #maxHoldings: number;
  readonly #maxTotalHoldings: number;
  #totalHoldings = 0;

  constructor(options: MemoryRegistryOptions = {}) {
    this.#now = options.now ?? (() => performance.now());
    this.#files = new FileIndex(options.random ?? Math.random);
    this.#maxPeers = options.maxPeers ?? MAX_PEERS;
    this.#maxHoldings = options.maxHoldings ?? MAX_HOLDINGS;
    this.#maxTotalHoldings = options.maxTotalHoldings ?? MAX_TOTAL_HOLDINGS;
  }

  async register(record: RegisteredPeer): Promise<void> {
    this.#expire();
    this.#forget(record.peer);
    this.#makeRoomForPeer();
    this.#peers.set(record.peer, { record, seen: this.#now(), holdings: new Map() });
    this.#keys.add(record.peer);
  }

  async heartbeat(peer: string): Promise<void> {
    this.#alive(peer);
  }

  async goodbye(peer: string): Promise<void> {
    this.#forget(peer);
  }

  async announce(peer: string, announcements: Announcement[]): Promise<void> {
    const { record, holdings } = this.#alive(peer);
    const names = new Set(announcements.map(({ name }) => name));
    const more = names.difference(holdings).size;
    if (holdings.size + more > this.#maxHoldings) {
      throw new Refused("busy", `a peer may announce at most ${this.#maxHoldings} names`);
    }
    if (this.#totalHoldings + more > this.#maxTotalHoldings) {
      throw new Refused("busy", `this bootstrap holds at most ${this.#maxTotalHoldings} names`);
    }
    for (const announcement of announcements) {
      const { name } = announcement;
      // Held first and released then, so that what didn't change is not taken down and set up again.
      const before = holdings.get(name);
      holdings.set(name, this.#files.hold(announcement, record));
      if (before) this.#files.release(before, record);
    }
    this.#totalHoldings += more;
  }

  async withdraw(peer: string, list: Holding[]): Promise<void> {
    const { record, holdings } = this.#alive(peer);
    for (const { name, id } of list) {
      const entry = holdings.get(name);
      if (entry?.announcement.id !== id) continue;
      holdings.delete(name);
      this.#files.release(entry, record);
      this.#totalHoldings--;
    }
  }

  async registerSeed({ address, port }: SeedAddress): Promise<void> {
    this.#expire();
    const key = seedKey({ address, port });
    if (this.#seeds.has(key)) return;
    this.#makeRoomForPeer();
    this.#seeds.set(key, { address, port });
    this.#keys.add(key);
  }

  async forgetSeed(seed: SeedAddress): Promise<void> {
    const key = seedKey(seed);
    if (this.#seeds.delete(key)) this.#keys.delete(key);
  }

  async seeds(): Promise<SeedAddress[]> {
    return [...this.#seeds.values()];
  }

  async getPeers(cursor = ""): Promise<ListPage<PeerRecord>> {
    this.#expire();
    const page = new Page<PeerRecord>();
    for (const key of this.#keys.from(cursor)) {
      const peer = this.#peers.get(key);
      const record = peer ? { ...peer.record, files: peer.holdings.size } : this.#seeds.get(key)!;
      if (!page.add(record)) return { items: page.items, cursor: key };
    }
    return { items: page.items };
  }

  async find(query: FindQuery): Promise<Found[]> {
    this.#expire();
    return this.#files.find(query);
  }

  async listFiles(pattern?: string, cursor?: string): Promise<ListPage<FileRecord>> {
    this.#expire();
    return this.#files.list(pattern, cursor);
  }

  async expire(): Promise<void> {
    this.#expire();
  }

  /** The peer, which has just shown that it is there; or a refusal, if it isn't known. */
  #alive(id: string): Peer {
    this.#expire();
    const peer = this.#peers.get(id);
    if (!peer) throw new Refused("not_registered", "register first");
    peer.seen = this.#now();
    this.#peers.delete(id);
    this.#peers.set(id, peer);
    return peer;
  }

  #expire(): void {
    const latest = this.#now() - SILENCE_MS;
    for (const [id, { seen }] of this.#peers) {
      if (seen > latest) return;
      this.#forget(id);
    }
  }

  #forget(id: string): void {
    const peer = this.#peers.get(id);
    if (!peer) return;
    this.#peers.delete(id);
    this.#keys.delete(id);
    for (const entry of peer.holdings.values()) this.#files.release(entry, peer.record);
    this.#totalHoldings -= peer.holdings.size;
  }

  #makeRoomForPeer(): void {
    if (this.#peers.size + this.#seeds.size < this.#maxPeers) return;
    throw new Refused("busy", `this bootstrap lists at most ${this.#maxPeers} peers`);
  }
}

function seedKey({ address, port }: SeedAddress): string {
  return formatAddress({ host: address, port });
}
