/** Where peers may be found, by what bootstraps and other peers say of them. */
import { isAttached } from "../../wire/attached.ts";
import { formatAddress } from "../../wire/connection.ts";
import type { PeerRecord } from "../../wire/protocol.ts";
import { PATHS } from "../api/path.ts";
import type { PeerPlace, PlaceAddress } from "./rung.ts";

/** Most addresses that are kept for one peer. */
const MOST_ADDRESSES = 8;

/** The places of some peers: one for each id, and for each address of which nobody says whose it is. */
export function placesOf(records: PeerRecord[]): PeerPlace[] {
  const places: PeerPlace[] = [];
  // An address without an id may be that of a peer that another record names.
  for (const record of records.toSorted((a, b) => Number(!a.peer) - Number(!b.peer))) {
    const place = placeOf(record);
    const known = places.find((other) => isSamePlace(other, place));
    if (known) mergePlace(known, place);
    else places.push(place);
  }
  return places;
}

function placeOf({ peer, address: host, port }: PeerRecord): PeerPlace {
  return { peer, addresses: [{ host, port, path: isAttached(host) ? "lan" : "direct" }] };
}

/** True if both are the same peer, as far as ids tell; without one of those, if they share an address. */
export function isSamePlace(a: PeerPlace, b: PeerPlace): boolean {
  if (a.peer !== undefined && b.peer !== undefined) return a.peer === b.peer;
  const keys = new Set(a.addresses.map(formatAddress));
  return b.addresses.some((address) => keys.has(formatAddress(address)));
}

/**
 * Adds what `other` knows. Its addresses come first, since an old one may be gone; but not where it
 * doesn't say whose they are. True if one of them is new.
 */
export function mergePlace(place: PeerPlace, other: PeerPlace): boolean {
  const before = new Set(place.addresses.map(formatAddress));
  const both = [other.addresses, place.addresses];
  if (other.peer === undefined) both.reverse();
  place.peer ??= other.peer;
  const byKey = new Map<string, PlaceAddress>();
  for (const address of both.flat()) {
    const key = formatAddress(address);
    if (!byKey.has(key)) byKey.set(key, address);
  }
  // In the same network first: that is quicker, and may be the only way to it.
  place.addresses = [...byKey.values()].toSorted((a, b) => rank(a) - rank(b))
    .slice(0, MOST_ADDRESSES);
  return other.addresses.some((address) => !before.has(formatAddress(address)));
}

function rank({ path }: PlaceAddress): number {
  return PATHS.indexOf(path);
}
