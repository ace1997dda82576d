import { Refused } from "../wire/answerer.ts";
import { groupOf } from "../wire/ip_address.ts";
import { type Rate, TokenBucket } from "../async/token_bucket.ts";
import { MAX_REMEMBERED, RATES, type RequestKind } from "./limits.ts";
import { LruMap } from "../async/lru_map.ts";

interface RateLimitsOptions {
  /** A clock that never goes back, in milliseconds. @default performance.now */
  now?: () => number;
  /** @default RATES */
  rates?: Record<RequestKind, { perAddress: Rate; total: Rate }>;
  /** @default MAX_REMEMBERED */
  maxRemembered?: number;
}

/** The requests that callers have left, by address and all together. */
export class RateLimits {
  readonly #now: () => number;
  readonly #rates: Record<RequestKind, { perAddress: Rate; total: Rate }>;
  readonly #totals = new Map<RequestKind, TokenBucket>();
  /** By kind and address. */
  readonly #perAddress: LruMap<string, TokenBucket>;

  constructor(options: RateLimitsOptions = {}) {
    this.#now = options.now ?? (() => performance.now());
    this.#rates = options.rates ?? RATES;
    this.#perAddress = new LruMap(options.maxRemembered ?? MAX_REMEMBERED);
  }

  /** Addresses that are remembered, each once for each kind of thing that it asked for. */
  get remembered(): number {
    return this.#perAddress.size;
  }

  /** Counts something. Throws a Refused `busy` that says when to come back, and counts nothing then. */
  take(kind: RequestKind, host: string, units = 1): void {
    const now = this.#now();
    const total = this.#total(kind, now);
    const group = groupOf(host);
    const own = group === undefined ? undefined : this.#own(kind, group, now);
    const ownWait = own?.wait(units, now) ?? 0;
    const wait = Math.max(ownWait, total.wait(units, now));
    if (wait > 0) {
      const whose = ownWait > 0 ? "of your address" : "of all callers together";
      const message = `too many requests ${whose} (${kind})`;
      throw new Refused("busy", message, Math.max(1, Math.ceil(wait)));
    }
    total.take(units, now);
    own?.take(units, now);
  }

  /** Counts what is known only after it was done: it is missing the next time. */
  charge(kind: RequestKind, host: string, units: number): void {
    const now = this.#now();
    const group = groupOf(host);
    this.#total(kind, now).take(units, now);
    if (group !== undefined) this.#own(kind, group, now).take(units, now);
  }

  /** Forgets addresses of which there is nothing to remember. */
  sweep(): void {
    const now = this.#now();
    for (const [key, bucket] of this.#perAddress) {
      if (bucket.isFull(now)) this.#perAddress.delete(key);
    }
  }

  #total(kind: RequestKind, now: number): TokenBucket {
    const known = this.#totals.get(kind) ?? new TokenBucket(this.#rates[kind].total, now);
    this.#totals.set(kind, known);
    return known;
  }

  #own(kind: RequestKind, group: string, now: number): TokenBucket {
    const key = `${kind} ${group}`;
    const known = this.#perAddress.get(key);
    if (known) return known;
    const bucket = new TokenBucket(this.#rates[kind].perAddress, now);
    this.#perAddress.set(key, bucket);
    return bucket;
  }
}
