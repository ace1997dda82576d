import { LruMap } from "../../async/lru_map.ts";
import { type Address, formatAddress } from "../../wire/connection.ts";
import type { PeerPlace } from "../reach/rung.ts";

/** Peers that are remembered. */
const MOST_PEERS = 256;
/** Peers that one address may stand for: several of one machine, and no flood of made-up ones. */
const MOST_PER_HOST = 32;
/** Addresses of one peer: one for each interface and family. */
const MOST_ADDRESSES = 4;
/** The time for which a peer is remembered that was not heard again, in milliseconds. */
const REMEMBERED_MS = 120_000;

/** The addresses of one peer, by their text; each with the time when it was heard there. */
type Addresses = Map<string, Address & { heard: number }>;

/** The peers that were heard in this machine's networks. Anybody there can make some up. */
export class Neighbours {
  /** Ones that nobody has talked to. */
  readonly #heard = new LruMap<string, Addresses>(MOST_PEERS);
  /** Ones that made-up ones don't push out. */
  readonly #proven = new LruMap<string, Addresses>(MOST_PEERS);
  readonly #now: () => number;

  /** `now` never goes back, in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Notes that a peer was heard. False if it was known at that address, or there is no room for it. */
  hear(peer: string, address: Address): boolean {
    const now = this.#now();
    const known = this.#proven.get(peer) ?? this.#heard.get(peer);
    const key = formatAddress(address);
    const there = known?.get(key);
    if (there) {
      const isNew = now - there.heard >= REMEMBERED_MS;
      there.heard = now;
      return isNew;
    }
    if (!known && this.#countAt(address.host) >= MOST_PER_HOST) return false;
    const addresses: Addresses = known ?? new Map();
    if (addresses.size >= MOST_ADDRESSES) {
      const [oldest] = [...addresses].toSorted(([, a], [, b]) => a.heard - b.heard);
      addresses.delete(oldest![0]);
    }
    addresses.set(key, { ...address, heard: now });
    if (!known) this.#heard.set(peer, addresses);
    return true;
  }

  /** Notes that it proved its id there. */
  prove(peer: string): void {
    const addresses = this.#heard.peek(peer);
    if (!addresses) return;
    this.#heard.delete(peer);
    this.#proven.set(peer, addresses);
  }

  /** Forgets addresses at which a peer does not answer, or another one does. */
  forget({ peer, addresses }: PeerPlace & { peer: string }): void {
    const known = this.#proven.peek(peer) ?? this.#heard.peek(peer);
    for (const address of addresses) known?.delete(formatAddress(address));
    if (known?.size !== 0) return;
    this.#heard.delete(peer);
    this.#proven.delete(peer);
  }

  /** Those that were heard lately: proven ones first, then the ones heard last. */
  get places(): (PeerPlace & { peer: string })[] {
    const since = this.#now() - REMEMBERED_MS;
    return [...this.#proven, ...[...this.#heard].reverse()]
      .map(([peer, addresses]) => ({
        peer,
        addresses: [...addresses.values()].filter(({ heard }) => heard > since)
          .toSorted((a, b) => b.heard - a.heard)
          .map(({ host, port }) => ({ host, port, path: "lan" as const })),
      })).filter(({ addresses }) => addresses.length > 0);
  }

  #countAt(host: string): number {
    let count = 0;
    for (const addresses of this.#heard.values()) {
      if (addresses.values().some((one) => one.host === host)) count++;
    }
    return count;
  }
}
