/**
 * A set of strings that can be walked in ascending order (of UTF-16 code units) from anywhere.
 * Changes are only noted; the next walk sorts the new keys and merges them in, so that a burst of
 * thousands costs one sort of those thousands.
 */
export class SortedKeys {
  #sorted: string[] = [];
  readonly #added = new Set<string>();
  readonly #deleted = new Set<string>();

  /** Adds a key that isn't in the set. */
  add(key: string): void {
    if (!this.#deleted.delete(key)) this.#added.add(key);
  }

  /** Deletes a key that is in the set. */
  delete(key: string): void {
    if (!this.#added.delete(key)) this.#deleted.add(key);
  }

  /** The keys that are not less than `first`. The set must not change during the walk. */
  *from(first: string): Generator<string, void, void> {
    this.#merge();
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#sorted[middle]! < first) low = middle + 1;
      else high = middle;
    }
    for (let at = low; at < this.#sorted.length; at++) yield this.#sorted[at]!;
  }

  #merge(): void {
    if (this.#added.size === 0 && this.#deleted.size === 0) return;
    const added = [...this.#added].sort();
    const merged: string[] = [];
    let next = 0;
    for (const key of this.#sorted) {
      for (let one; (one = added[next]) !== undefined && one < key; next++) merged.push(one);
      if (!this.#deleted.has(key)) merged.push(key);
    }
    this.#sorted = merged.concat(added.slice(next));
    this.#added.clear();
    this.#deleted.clear();
  }
}
