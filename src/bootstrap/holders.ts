/**
 * Who holds something, and how many times over: a peer that shares one content under two names holds
 * it until both are withdrawn. Any number of holders can be drawn at random without a walk over all.
 */
export class Holders<T> {
  readonly #times = new Map<T, { index: number; count: number }>();
  readonly #list: T[] = [];

  /** How many hold it, each counted once. */
  get size(): number {
    return this.#list.length;
  }

  add(holder: T): void {
    const known = this.#times.get(holder);
    if (known) known.count++;
    else this.#times.set(holder, { index: this.#list.push(holder) - 1, count: 1 });
  }

  /** Takes one {@link add} of that holder back. */
  remove(holder: T): void {
    const known = this.#times.get(holder);
    if (!known || --known.count > 0) return;
    this.#times.delete(holder);
    const last = this.#list.pop()!;
    if (last === holder) return;
    this.#list[known.index] = last;
    this.#times.get(last)!.index = known.index;
  }

  /**
   * At most `count` different holders, each set of that size as likely as any other (by Floyd's
   * algorithm). `random` gives numbers from 0 (included) to 1 (excluded).
   */
  sample(count: number, random: () => number): T[] {
    const size = this.#list.length;
    if (count >= size) return [...this.#list];
    const drawn = new Set<number>();
    for (let limit = size - count; limit < size; limit++) {
      const index = Math.floor(random() * (limit + 1));
      drawn.add(drawn.has(index) ? limit : index);
    }
    return Array.from(drawn, (index) => this.#list[index]);
  }
}
