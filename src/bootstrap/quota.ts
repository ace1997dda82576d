import { Refused } from "../wire/answerer.ts";
import { groupOf } from "../wire/ip_address.ts";
import { Tally } from "../async/tally.ts";

interface QuotaOptions {
  /** The thing there is too much of, for people: "connections". */
  what: string;
  perAddress: number;
  total: number;
  /** The retry-after sent with a refusal, in seconds. */
  retryAfter: number;
  /** The most over all bootstraps of a registry. Default no limit. */
  shared?: number;
}

/** The part of a quota that a bootstrap's callers have: in all, and for addresses that take much. */
export interface UsedQuota {
  total: number;
  of: Record<string, number>;
}

/** The part of an address's quota from which on other bootstraps are told of it. */
const MUCH = 1 / 32;
/** Addresses that other bootstraps are told of: those that take most. */
const MOST_TOLD = 1_000;

/** A quota: the most of something at one time, for one address and in all. */
export class Quota {
  readonly #options: QuotaOptions;
  readonly #perAddress = new Tally();
  #total = 0;
  #elsewhere = { total: 0, of: new Map<string, number>() };

  constructor(options: QuotaOptions) {
    this.#options = options;
  }

  /** The amount taken. */
  get total(): number {
    return this.#total;
  }

  /** Takes some. Throws a Refused `busy` when that would be too much, and takes nothing then. */
  add(host: string, units = 1): void {
    const { what, perAddress, total, retryAfter, shared = Infinity } = this.#options;
    const group = groupOf(host);
    const elsewhere = group === undefined ? 0 : this.#elsewhere.of.get(group) ?? 0;
    if (group !== undefined && this.#perAddress.of(group) + elsewhere + units > perAddress) {
      throw new Refused(
        "busy",
        `this bootstrap takes at most ${perAddress} ${what} of one address`,
        retryAfter,
      );
    }
    if (this.#total + units > total) {
      throw new Refused("busy", `this bootstrap takes at most ${total} ${what}`, retryAfter);
    }
    if (this.#total + this.#elsewhere.total + units > shared) {
      const message = `all bootstraps of this registry take at most ${shared} ${what} together`;
      throw new Refused("busy", message, retryAfter);
    }
    this.#total += units;
    if (group !== undefined) this.#perAddress.add(group, units);
  }

  /** Gives back what was taken for that address. */
  remove(host: string, units = 1): void {
    this.#total -= units;
    const group = groupOf(host);
    if (group !== undefined) this.#perAddress.add(group, -units);
  }

  /** The part that is used here, for other bootstraps. Few addresses take so much that they are told of. */
  get used(): UsedQuota {
    const least = Math.ceil(this.#options.perAddress * MUCH);
    return { total: this.#total, of: this.#perAddress.largest(least, MOST_TOLD) };
  }

  /** Counts what is taken at other bootstraps from now on, in place of what was said before. */
  countElsewhere(reports: UsedQuota[]): void {
    const of = new Map<string, number>();
    let total = 0;
    for (const report of reports) {
      total += report.total;
      for (const [group, units] of Object.entries(report.of)) {
        of.set(group, (of.get(group) ?? 0) + units);
      }
    }
    this.#elsewhere = { total, of };
  }
}
