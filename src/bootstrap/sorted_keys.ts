/** Most keys in a block: a change moves no more than these, among however many keys there are. */
const BLOCK = 512;

/**
 * A set of strings that can be walked in ascending order (of UTF-16 code units) from anywhere. The
 * keys lie in sorted blocks, so that neither a change nor a walk ever touches all of them.
 */
export class SortedKeys {
  readonly #blocks: string[][] = [];

  /** Adds a key that isn't in the set. */
  add(key: string): void {
    const at = this.#blockOf(key);
    const block = this.#blocks[at];
    if (!block) return void this.#blocks.push([key]);
    block.splice(placeOf(key, block), 0, key);
    if (block.length > BLOCK) this.#blocks.splice(at + 1, 0, block.splice(BLOCK / 2));
  }

  /** Deletes a key that is in the set. */
  delete(key: string): void {
    const at = this.#blockOf(key);
    const block = this.#blocks[at];
    const place = block ? placeOf(key, block) : 0;
    if (block?.[place] !== key) return;
    block.splice(place, 1);
    if (block.length === 0) this.#blocks.splice(at, 1);
  }

  /** The keys that are not less than `first`. The set must not change during the walk. */
  *from(first: string): Generator<string, void, void> {
    const at = this.#blockOf(first);
    let place = placeOf(first, this.#blocks[at] ?? []);
    for (const block of this.#blocks.slice(at)) {
      for (const key of place > 0 ? block.slice(place) : block) yield key;
      place = 0;
    }
  }

  /** The number of the last block that begins at or before the key; 0 if none does. */
  #blockOf(key: string): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#blocks[middle]![0]! <= key) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
}

/** The place of the first key of a block that is not less than `key`. */
function placeOf(key: string, block: string[]): number {
  let low = 0;
  let high = block.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (block[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
