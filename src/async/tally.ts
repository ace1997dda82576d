/** Counts by key. A key whose count is 0 is forgotten. */
export class Tally {
  readonly #counts = new Map<string, number>();

  /** The count of a key; 0 for one that is not known. */
  of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  /** Adds to the count of a key; less than 0 takes away. */
  add(key: string, units = 1): void {
    const count = this.of(key) + units;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }
}
