import { groupOf } from "../../wire/ip_address.ts";
import type { PeerRecord } from "../../wire/protocol.ts";

/** The time for which a peer is named after its connection has ended, in milliseconds. */
export const FORGET_MS = 5 * 60_000;
/** Peers remembered for one file, and for all together. */
const FILE_CAP = 200;
/** Peers of one network that are remembered for one file. */
const NETWORK_CAP = 16;
const TOTAL_CAP = 20_000;

interface Requester {
  record: PeerRecord;
  /** The network that it is counted under; undefined for those that no cap applies to. */
  network: string | undefined;
  /** Connections on which it has asked. */
  open: number;
  /** The time when the last of them ended. */
  endedAt: number;
}

/** Which peers asked for which file lately: they have some of it by now, and more soon. */
export class RecentRequesters {
  readonly #now: () => number;
  /** By file and then by address; who asked last comes last. */
  readonly #files = new Map<string, Map<string, Requester>>();
  #total = 0;

  /** `now` gives milliseconds since some fixed moment. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Remembers who asks for a file; returns what to call when its connection ends. */
  add(file: string, record: PeerRecord): () => void {
    let requesters = this.#files.get(file);
    if (!requesters) this.#files.set(file, requesters = new Map());
    const key = keyOf(record);
    const known = requesters.get(key);
    const network = groupOf(record.address);
    const requester = known ?? { record, network, open: 0, endedAt: 0 };
    if (known) requesters.delete(key);
    else this.#total++;
    requester.record = record;
    requester.open++;
    requesters.set(key, requester);
    this.#trim(file, requesters, network);
    return () => {
      requester.open--;
      requester.endedAt = this.#now();
    };
  }

  /** The peers that asked for a file, the latest first, without those forgotten. */
  of(file: string): PeerRecord[] {
    const requesters = this.#files.get(file);
    if (!requesters) return [];
    const oldest = this.#now() - FORGET_MS;
    for (const [key, { open, endedAt }] of requesters) {
      if (open === 0 && endedAt < oldest) this.#remove(file, requesters, key);
    }
    return [...requesters.values()].map(({ record }) => record).reverse();
  }

  /** Makes room: at first what a network has too much of, of that what has ended before what is open. */
  #trim(file: string, requesters: Map<string, Requester>, network: string | undefined): void {
    const same = network === undefined
      ? []
      : [...requesters].filter(([, other]) => other.network === network);
    const among = same.length > NETWORK_CAP
      ? same
      : requesters.size > FILE_CAP
      ? [...requesters]
      : [];
    const ended = among.find(([, { open }]) => open === 0);
    const [key] = ended ?? among[0] ?? [];
    if (key !== undefined) this.#remove(file, requesters, key);
    while (this.#total > TOTAL_CAP) {
      const [oldest, theirs] = this.#files.entries().next().value!;
      this.#remove(oldest, theirs, theirs.keys().next().value!);
    }
  }

  #remove(file: string, requesters: Map<string, Requester>, key: string): void {
    requesters.delete(key);
    this.#total--;
    if (requesters.size === 0) this.#files.delete(file);
  }
}

function keyOf({ address, port }: PeerRecord): string {
  return `${address} ${port}`;
}
