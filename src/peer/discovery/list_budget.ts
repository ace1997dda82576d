import { getLogger } from "@logtape/logtape";

const log = getLogger(["shoal", "peer", "discovery"]);

/** A batch of a list, and the cursor to the next one where there is one. */
export interface ReceivedBatch<T> {
  items: T[];
  cursor?: string;
}

/**
 * The budget of one list that another program sends in batches. A list that would take more is cut short:
 * an endless one takes neither all memory nor all time.
 */
export class ListBudget {
  readonly #sender: string;
  #ms: number;
  #left: number;

  /** `items` at most, and `ms` milliseconds in which the sender is waited for. */
  constructor(sender: string, { items, ms }: { items: number; ms: number }) {
    this.#sender = sender;
    this.#left = items;
    this.#ms = ms;
  }

  /**
   * The items within the budget, batch by batch. `ask` requests the one at a cursor, and the first
   * without; null ends the list.
   */
  async *batches<T>(
    ask: (cursor?: string) => Promise<ReceivedBatch<T> | null>,
  ): AsyncGenerator<T[], void, void> {
    for (let cursor: string | undefined, last: string | undefined;; last = cursor) {
      const begun = performance.now();
      const batch = await ask(cursor);
      // What the reader does in between takes nothing from the budget.
      this.#ms -= performance.now() - begun;
      if (!batch) return;
      const taken = batch.items.slice(0, this.#left);
      this.#left -= taken.length;
      yield taken;
      cursor = batch.cursor;
      if (cursor === undefined) return;
      // It comes round in a circle, or is too long.
      if (cursor === last || this.#left <= 0 || this.#ms <= 0) {
        return log.warn("The list of {sender} has no end; the rest is left out", {
          sender: this.#sender,
        });
      }
    }
  }
}
