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

  /** The counts of at least `least`, the largest `most` of them. */
  largest(least: number, most: number): Record<string, number> {
    const all = [...this.#counts].filter(([, count]) => count >= least);
    all.sort(([, a], [, b]) => b - a);
    return Object.fromEntries(all.slice(0, most));
  }
}
