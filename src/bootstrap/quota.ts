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
}

/** A quota: the most of something at one time, for one address and in all. */
export class Quota {
  readonly #options: QuotaOptions;
  readonly #perAddress = new Tally();
  #total = 0;

  constructor(options: QuotaOptions) {
    this.#options = options;
  }

  /** The amount taken. */
  get total(): number {
    return this.#total;
  }

  /** Takes some. Throws a Refused `busy` when that would be too much, and takes nothing then. */
  add(host: string, units = 1): void {
    const { what, perAddress, total, retryAfter } = this.#options;
    const group = groupOf(host);
    if (group !== undefined && this.#perAddress.of(group) + units > perAddress) {
      throw new Refused(
        "busy",
        `this bootstrap takes at most ${perAddress} ${what} of one address`,
        retryAfter,
      );
    }
    if (this.#total + units > total) {
      throw new Refused("busy", `this bootstrap takes at most ${total} ${what}`, retryAfter);
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
}
