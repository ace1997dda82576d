/**
 * Calls registered peers back, at once and then now and again, and tells the registry which it
 * reached, and at which address. Bounded in all and for each address; addresses take turns.
 */
import { within } from "../async/deadline.ts";
import { Tally } from "../async/tally.ts";
import { abortable, Backoff } from "../async/retry.ts";
import { type Address, formatAddress } from "../wire/connection.ts";
import { groupOf } from "../wire/ip_address.ts";
import { callableAddresses } from "./callable_addresses.ts";
import {
  LOOK_UP_MS,
  MAX_CALL_BACKS,
  MAX_CALL_BACKS_PER_ADDRESS,
  MAX_LOOK_UPS_PER_ADDRESS,
  RECHECK_MS,
  RETRY_FIRST_MS,
  RETRY_LONGEST_MS,
} from "./limits.ts";
import type { Registry } from "./registry.ts";

/** A peer that registered, and what there is to call. */
export interface CallBackCandidate {
  peer: string;
  /** The address that its registration came from. */
  seen: string;
  port: number;
  /** This bootstrap's address, as the peer dialled it. */
  dialled: Address;
  /** The address under which it would rather be listed. */
  advertise?: Address;
}

export interface CallBacksOptions {
  registry: Registry;
  /** Calls one address; resolves when that peer proved that it is there. */
  call: (address: Address, peer: CallBackCandidate, signal: AbortSignal) => Promise<void>;
  /** The advertised addresses of a peer that may be called. @default callableAddresses */
  callable?: (advertised: Address, seen: string) => Promise<Address[]>;
  /** A clock that never goes back, in milliseconds. @default performance.now */
  now?: () => number;
  /** From 0 (included) to 1 (excluded). @default Math.random */
  random?: () => number;
  /** @default MAX_CALL_BACKS */
  most?: number;
  /** @default MAX_CALL_BACKS_PER_ADDRESS */
  mostPerAddress?: number;
  /** @default LOOK_UP_MS */
  lookUpMs?: number;
}

interface Watched extends CallBackCandidate {
  /** The group under which it is counted. */
  group: string;
  backoff: Backoff;
  /** The time of its next call; infinite while it waits for its turn or is being called. */
  due: number;
  /** Aborted when it is watched no longer. */
  over: AbortController;
}

export class CallBacks {
  readonly #options: CallBacksOptions;
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #watched = new Map<string, Watched>();
  /** The peers that are due, by group; groups take turns, too. */
  readonly #ready = new Map<string, Watched[]>();
  /** Call backs that have not ended, by group. */
  readonly #underWay = new Tally();
  /** Look-ups of names that have not ended, by group. */
  readonly #lookUps = new Tally();
  readonly #running = new Set<Promise<void>>();
  #stopped = false;

  constructor(options: CallBacksOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#random = options.random ?? Math.random;
  }

  /** Call backs under way. */
  get underWay(): number {
    return this.#running.size;
  }

  /** Peers that are called now and again. */
  get watched(): number {
    return this.#watched.size;
  }

  /** Calls a peer as soon as it is its turn, in place of what was known of it before. */
  watch(candidate: CallBackCandidate): void {
    this.forget(candidate.peer);
    const group = groupOf(candidate.seen) ?? "loopback";
    const backoff = new Backoff({
      first: RETRY_FIRST_MS,
      longest: RETRY_LONGEST_MS,
      random: this.#random,
    });
    const over = new AbortController();
    const watched = { ...candidate, group, backoff, due: Infinity, over };
    this.#watched.set(candidate.peer, watched);
    this.#enqueue(watched);
    this.#startWaiting();
  }

  /** The peer is gone. */
  forget(peer: string): void {
    this.#watched.get(peer)?.over.abort();
    this.#watched.delete(peer);
  }

  /** To be called about once a second: begins what is due by now. */
  tick(): void {
    const now = this.#now();
    for (const watched of this.#watched.values()) {
      if (watched.due > now) continue;
      watched.due = Infinity;
      this.#enqueue(watched);
    }
    this.#startWaiting();
  }

  /** Ends all calls; resolves when none is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const peer of [...this.#watched.keys()]) this.forget(peer);
    await Promise.all(this.#running);
  }

  #enqueue(watched: Watched): void {
    const queue = this.#ready.get(watched.group) ?? [];
    this.#ready.set(watched.group, queue);
    queue.push(watched);
  }

  #startWaiting(): void {
    const { most = MAX_CALL_BACKS, mostPerAddress = MAX_CALL_BACKS_PER_ADDRESS } = this.#options;
    for (const [group, queue] of this.#ready) {
      if (this.#running.size >= most || this.#stopped) return;
      if (this.#underWay.of(group) >= mostPerAddress) continue;
      const next = queue.shift();
      // Those that still have peers waiting come last, and come by again in this very loop.
      this.#ready.delete(group);
      if (queue.length > 0) this.#ready.set(group, queue);
      if (next && !next.over.signal.aborted) this.#start(next);
    }
  }

  #start(watched: Watched): void {
    const { group } = watched;
    this.#underWay.add(group);
    // Where the registry fails, the peer is called again later, as if it had not been reached.
    const later = () => void (watched.due = this.#now() + watched.backoff.next());
    const running = this.#check(watched).catch(later).finally(() => {
      this.#underWay.add(group, -1);
      this.#running.delete(running);
      this.#startWaiting();
    });
    this.#running.add(running);
  }

  /** Finds out where a peer can be reached, and tells the registry. */
  async #check(watched: Watched): Promise<void> {
    const { peer, seen, port, over } = watched;
    const reached = await this.#reach(watched);
    if (over.signal.aborted) return;
    const { host, port: at } = reached ?? { host: seen, port };
    const listing = { address: host, port: at, reachable: reached !== undefined };
    if (!await this.#options.registry.reached(peer, listing)) return this.forget(peer);
    if (reached) watched.backoff.reset();
    const pause = reached ? RECHECK_MS * (1 - this.#random() / 4) : watched.backoff.next();
    watched.due = this.#now() + pause;
  }

  /**
   * The advertised addresses that may be called; none when the name can't be looked up in time. A
   * look-up can't be ended, so one in progress keeps counting: an address has few at a time.
   */
  async #callable(advertise: Address, { seen, group, over }: Watched): Promise<Address[]> {
    const { callable = callableAddresses, lookUpMs = LOOK_UP_MS } = this.#options;
    if (this.#lookUps.of(group) >= MAX_LOOK_UPS_PER_ADDRESS) return [];
    this.#lookUps.add(group);
    const found = callable(advertise, seen).catch(() => []).finally(() =>
      this.#lookUps.add(group, -1)
    );
    return await within(abortable(found, over.signal).catch(() => []), lookUpMs) ?? [];
  }

  /**
   * The address at which the peer answered first: an advertised one goes before the one that was
   * seen.
   */
  async #reach(watched: Watched): Promise<Address | undefined> {
    const { seen, port, advertise, over } = watched;
    const { call } = this.#options;
    const addresses = advertise ? await this.#callable(advertise, watched) : [];
    addresses.push({ host: seen, port });
    const tried = new Set<string>();
    for (const address of addresses) {
      const key = formatAddress(address);
      if (over.signal.aborted || tried.has(key)) continue;
      tried.add(key);
      try {
        await call(address, watched, over.signal);
        return address;
      } catch {
        // Why doesn't matter: it can't be reached there.
      }
    }
  }
}
