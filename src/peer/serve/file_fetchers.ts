import type { RunNotices } from "./run_notices.ts";

/** When more than so many fetch a file, telling each of them what the others are sent costs too much. */
const TOLD_CAP = 64;
/** Runs of a file whose taker is remembered; of those taken before, anybody may ask. */
const TAKEN_CAP = 65_536;

/** Who fetches a file now, and which of its runs each was the first to ask for. */
export class FileFetchers {
  readonly #fetchers = new Set<RunNotices>();
  readonly #takers = new Map<number, RunNotices>();

  get size(): number {
    return this.#fetchers.size;
  }

  add(fetcher: RunNotices): void {
    this.#fetchers.add(fetcher);
  }

  /** What it was the first to ask for is anybody's again. */
  remove(fetcher: RunNotices): void {
    this.#fetchers.delete(fetcher);
    for (const [run, taker] of this.#takers) if (taker === fetcher) this.#takers.delete(run);
  }

  /** A fetcher asks for a run. The others, if it is the first, can soon have the run from there. */
  ask(file: string, run: number, fetcher: RunNotices): void {
    if (!this.#fetchers.has(fetcher) || this.#takers.has(run)) return;
    for (const oldest of this.#takers.keys()) {
      if (this.#takers.size < TAKEN_CAP) break;
      this.#takers.delete(oldest);
    }
    this.#takers.set(run, fetcher);
    if (this.#fetchers.size > TOLD_CAP) return;
    for (const other of this.#fetchers) if (other !== fetcher) other.taken(file, run);
  }

  /** True when somebody else was the first to ask for a run, and is still there. */
  isTaken(run: number, fetcher: RunNotices): boolean {
    const taker = this.#takers.get(run);
    return taker !== undefined && taker !== fetcher;
  }
}
