/** Keys that went and are remembered, for those who are behind. */
const GONE_CAP = 1_000;

export interface LoggedChanges<Key, Value> {
  set: Value[];
  gone: Key[];
}

/**
 * Values by key, each with the version that it last changed at, so that whoever knows an older version
 * is told what is different, and nothing else. Versions are counted by who owns the log.
 */
export class ChangeLog<Key, Value> {
  /** What changed last stands last. */
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
   * What changed after version `from`, at most `cap` values. `upTo` is the version that is told with it:
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
