/**
 * A counted set of sources: a peer that shares one content under two names is one until both are
 * withdrawn. Any number can be drawn at random without a walk over all, preferred ones first.
 */
export class SourceSet<T> {
  readonly #times = new Map<T, { index: number; count: number }>();
  /** Those that are preferred, then the others. */
  readonly #list: T[] = [];
  #preferred = 0;
  readonly #isPreferred: (source: T) => boolean;

  /** `isPreferred` may change its mind about a source; then {@link update} is to be called. */
  constructor(isPreferred: (source: T) => boolean = () => false) {
    this.#isPreferred = isPreferred;
  }

  /** Number of sources, each counted once. */
  get size(): number {
    return this.#list.length;
  }

  add(source: T): void {
    const known = this.#times.get(source);
    if (known) return void known.count++;
    this.#times.set(source, { index: this.#list.push(source) - 1, count: 1 });
    this.update(source);
  }

  /** Undoes one {@link add} of that source. */
  remove(source: T): void {
    const known = this.#times.get(source);
    if (!known || --known.count > 0) return;
    if (known.index < this.#preferred) this.#swap(known.index, --this.#preferred);
    // It may have moved: `known` has its place by now.
    this.#swap(known.index, this.#list.length - 1);
    this.#list.pop();
    this.#times.delete(source);
  }

  /** Looks again whether a source is preferred. */
  update(source: T): void {
    const known = this.#times.get(source);
    if (!known || known.index < this.#preferred === this.#isPreferred(source)) return;
    if (this.#isPreferred(source)) this.#swap(known.index, this.#preferred++);
    else this.#swap(known.index, --this.#preferred);
  }

  /** At most `count` sources from a place on. */
  from(index: number, count: number): T[] {
    return this.#list.slice(index, index + count);
  }

  /**
   * At most `count` different holders: of those that are preferred, and if they are too few all of
   * them and some of the others. Any set is as likely as any other of its kind. `random` gives numbers
   * from 0 (included) to 1 (excluded).
   */
  sample(count: number, random: () => number): T[] {
    const preferred = this.#draw(0, this.#preferred, count, random);
    const others = count - preferred.length;
    return [...preferred, ...this.#draw(this.#preferred, this.#list.length, others, random)];
  }

  /** At most `count` of those from `start` to before `end`, by Floyd's algorithm. */
  #draw(start: number, end: number, count: number, random: () => number): T[] {
    const size = end - start;
    if (count >= size) return this.#list.slice(start, end);
    const drawn = new Set<number>();
    for (let limit = size - count; limit < size; limit++) {
      const index = Math.floor(random() * (limit + 1));
      drawn.add(drawn.has(index) ? limit : index);
    }
    return Array.from(drawn, (index) => this.#list[start + index]!);
  }

  #swap(a: number, b: number): void {
    const [one, other] = [this.#list[a]!, this.#list[b]!];
    this.#list[a] = other;
    this.#list[b] = one;
    this.#times.get(other)!.index = a;
    this.#times.get(one)!.index = b;
  }
}
