/** Most removed keys that are remembered, for listeners that are behind. */
const GONE_CAP = 1_000;

export interface LoggedChanges<Key, Value> {
  set: Value[];
  gone: Key[];
}

/**
 * Values by key, each with the version of its last change, so that a listener with an older version
 * gets the differences alone. The owner of the log counts the versions.
 */
export class ChangeLog<Key, Value> {
  /** The values, the last changed at the end. */
  readonly #values = new Map<Key, { value: Value; version: number }>();
  readonly #gone = new Map<Key, number>();
  readonly #keyOf: (value: Value) => Key;
  readonly #same: (a: Value, b: Value) => boolean;
  /** Up to this version, it isn't known any more what went. */
  #forgotten = -1;

  constructor(
    keyOf: (value: Value) => Key,
    same: (a: Value, b: Value) => boolean = sameJson,
  ) {
    this.#keyOf = keyOf;
    this.#same = same;
  }

  /** Up to this version, it isn't known any more what went. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** These are the values, in place of those that were; each change takes the `next` version. */
  put(values: Iterable<Value>, next: () => number): void {
    const seen = new Set<Key>();
    for (const value of values) {
      const key = this.#keyOf(value);
      seen.add(key);
      const before = this.#values.get(key);
      if (before && this.#same(before.value, value)) continue;
      this.#values.delete(key);
      this.#gone.delete(key);
      this.#values.set(key, { value, version: next() });
    }
    if (seen.size < this.#values.size) this.#forget(seen, next);
  }

  /**
   * Changes after version `from`, at most `cap` values. `upTo` is the version that goes with them:
   * of a part, the last one in it.
   */
  since(
    from: number,
    { cap = Infinity, version }: { cap?: number; version: number },
  ): LoggedChanges<Key, Value> & { upTo: number } {
    const set: Value[] = [];
    let upTo = version;
    for (const { value, version } of this.#values.values()) {
      if (version <= from) continue;
      set.push(value);
      if (set.length < cap) continue;
      upTo = version;
      break;
    }
    const gone = [...this.#gone].filter(([, version]) => version > from && version <= upTo)
      .map(([key]) => key);
    return { set, gone, upTo };
  }

  #forget(present: Set<Key>, next: () => number): void {
    for (const key of [...this.#values.keys()].filter((key) => !present.has(key))) {
      this.#values.delete(key);
      this.#gone.set(key, next());
    }
    for (const [key, version] of this.#gone) {
      if (this.#gone.size <= GONE_CAP) break;
      this.#gone.delete(key);
      this.#forgotten = version;
    }
  }
}

function sameJson(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
