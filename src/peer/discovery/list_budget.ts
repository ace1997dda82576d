import { getLogger } from "@logtape/logtape";

const log = getLogger(["shoal", "peer", "discovery"]);

/**
 * The budget of one list that a bootstrap sends in batches. A list that would take more is cut short:
 * an endless one takes neither all memory nor all time.
 */
export class ListBudget {
  readonly #bootstrap: string;
  #ms: number;
  #left: number;

  /** `items` at most, and `ms` milliseconds in which the bootstrap is waited for. */
  constructor(bootstrap: string, { items, ms }: { items: number; ms: number }) {
    this.#bootstrap = bootstrap;
    this.#left = items;
    this.#ms = ms;
  }

  /** Waits for a batch: what its reader does in between takes nothing from the budget. */
  async wait<T>(batch: Promise<T>): Promise<T> {
    const begun = performance.now();
    return await batch.finally(() => this.#ms -= performance.now() - begun);
  }

  /** The items of a batch that are within the budget. */
  take<T>(items: T[]): T[] {
    const taken = items.slice(0, this.#left);
    this.#left -= taken.length;
    return taken;
  }

  /** True if the list ends here: there is no more of it, it comes round in a circle, or it is too long. */
  isOver(cursor: string | undefined, last: string | undefined): boolean {
    if (cursor === undefined) return true;
    if (cursor !== last && this.#left > 0 && this.#ms > 0) return false;
    log.warn("The list of {bootstrap} has no end; the rest is left out", {
      bootstrap: this.#bootstrap,
    });
    return true;
  }
}
