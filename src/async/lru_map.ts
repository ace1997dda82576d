/**
 * A map that holds a bounded number of entries (LRU): when one more is set, the entry that was used
 * longest ago is evicted.
 */
export class LruMap<K, V> {
  readonly #entries = new Map<K, V>();
  readonly #cap: number;
  readonly #onEvicted: ((value: V, key: K) => void) | undefined;

  /** `onEvicted` hears of each entry that had to make room. */
  constructor(cap: number, onEvicted?: (value: V, key: K) => void) {
    if (!Number.isSafeInteger(cap) || cap < 1) throw new RangeError(`Cannot hold ${cap} entries`);
    this.#cap = cap;
    this.#onEvicted = onEvicted;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The value, which counts as used. */
  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  /** The value; when it was used last does not change. */
  peek(key: K): V | undefined {
    return this.#entries.get(key);
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  set(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#cap) return;
    const [oldest, evicted] = this.#entries.entries().next().value!;
    this.#entries.delete(oldest);
    this.#onEvicted?.(evicted, oldest);
  }

  delete(key: K): boolean {
    return this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }

  /** The keys, that which was used longest ago first. */
  keys(): MapIterator<K> {
    return this.#entries.keys();
  }

  /** The entries, that which was used longest ago first. */
  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.#entries[Symbol.iterator]();
  }

  /** The values, that which was used longest ago first. */
  values(): MapIterator<V> {
    return this.#entries.values();
  }
}
