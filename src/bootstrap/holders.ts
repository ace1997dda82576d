/**
 * Who holds something, and how many times over: a peer that shares one content under two names holds
 * it until both are withdrawn. Any number of holders can be drawn at random without a walk over all,
 * those that are preferred first.
 */
export class Holders<T> {
  readonly #times = new Map<T, { index: number; count: number }>();
  /** Those that are preferred, then the others. */
  readonly #list: T[] = [];
  #preferred = 0;
  readonly #isPreferred: (holder: T) => boolean;

  /** `isPreferred` may change its mind about a holder; then {@link update} is to be called. */
  constructor(isPreferred: (holder: T) => boolean = () => false) {
    this.#isPreferred = isPreferred;
  }

  /** How many hold it, each counted once. */
  get size(): number {
    return this.#list.length;
  }

  add(holder: T): void {
    const known = this.#times.get(holder);
    if (known) return void known.count++;
    this.#times.set(holder, { index: this.#list.push(holder) - 1, count: 1 });
    this.update(holder);
  }

  /** Takes one {@link add} of that holder back. */
  remove(holder: T): void {
    const known = this.#times.get(holder);
    if (!known || --known.count > 0) return;
    if (known.index < this.#preferred) this.#swap(known.index, --this.#preferred);
    // It may have moved: `known` has its place by now.
    this.#swap(known.index, this.#list.length - 1);
    this.#list.pop();
    this.#times.delete(holder);
  }

  /** Looks again whether a holder is preferred. */
  update(holder: T): void {
    const known = this.#times.get(holder);
    if (!known || known.index < this.#preferred === this.#isPreferred(holder)) return;
    if (this.#isPreferred(holder)) this.#swap(known.index, this.#preferred++);
    else this.#swap(known.index, --this.#preferred);
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
