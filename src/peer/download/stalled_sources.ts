/**
 * The time after which what was asked for, when nothing else is left, is asked of another source too, in
 * milliseconds. It doubles with each that is asked and brings something, so that many slow ones are not
 * all sent for the same. One that brings nothing for as long is given nothing more.
 */
const OVERDUE_MS = 2_000;
/** At the end, so many sources are asked at once for what one that stalls was asked for. */
const REPLACEMENTS = 4;

interface StalledSourcesOptions<Source> {
  /** True when a source brought nothing for so many milliseconds. Default never. */
  isIdle?: (source: Source, ms: number) => boolean;
  /** Milliseconds from any starting point. */
  now: () => number;
}

/** Tells which sources stall, and when another is to be asked for what some were asked for already. */
export class StalledSources<Source> {
  readonly #isIdle: (source: Source, ms: number) => boolean;
  readonly #now: () => number;
  /** The number of things that a source is asked for, and since when it has been asked for any. */
  readonly #held = new Map<Source, { count: number; since: number }>();

  constructor({ isIdle = () => false, now }: StalledSourcesOptions<Source>) {
    this.#isIdle = isIdle;
    this.#now = now;
  }

  /** Notes that a source is asked for one thing more, or one less. */
  hold(source: Source, by: 1 | -1): void {
    const { count, since } = this.#held.get(source) ?? { count: 0, since: this.#now() };
    if (count + by > 0) this.#held.set(source, { count: count + by, since });
    else this.#held.delete(source);
  }

  /** True for a source that is asked for something, and has long brought nothing. */
  has(source: Source): boolean {
    const held = this.#held.get(source);
    return held !== undefined && this.#now() - held.since >= OVERDUE_MS &&
      this.#isIdle(source, OVERDUE_MS);
  }

  /**
   * The number of those that do not stall among the sources that are `asked` for something, the last of them
   * at the time `since`; undefined while no other is to be asked for it.
   */
  othersOverdue(asked: Set<Source>, since: number): number | undefined {
    let others = 0;
    for (const source of asked) if (!this.has(source)) others++;
    const replaced = others < REPLACEMENTS * (asked.size - others);
    const overdue = this.#now() - since >= OVERDUE_MS * 2 ** Math.max(0, others - 1);
    return replaced || overdue ? others : undefined;
  }
}
