import { CHUNK_SIZE, RUN_CHUNKS } from "../wire/protocol.ts";

/** Consecutive chunks that are asked for together. */
export interface Run {
  first: number;
  count: number;
}

/** Chunks, by their ascending numbers, as runs: what can be asked for together is. */
export function runsOf(chunks: number[]): Run[] {
  const runs: Run[] = [];
  for (const chunk of chunks) {
    const last = runs.at(-1);
    if (last && last.first + last.count === chunk) last.count++;
    else runs.push({ first: chunk, count: 1 });
  }
  return runs;
}

export interface PickerOptions<Source> {
  /** Chunks in the file. */
  chunks: number;
  /** Bytes from this position on must not be asked for yet. */
  horizon: () => number;
  /** True when a source other than this one could bring a run. */
  hasOther: (source: Source) => boolean;
}

/**
 * Decides who fetches what next: runs in file order, those that failed before any other, and those
 * by another source than the one that failed them, where there is another.
 */
export class Picker<Source> {
  readonly #options: PickerOptions<Source>;
  readonly #returned: { run: Run; by: Source }[] = [];
  readonly #waiting: (() => void)[] = [];
  #next = 0;
  #missing: number;
  #stopped = false;

  constructor(options: PickerOptions<Source>) {
    this.#options = options;
    this.#missing = options.chunks;
  }

  /** Chunks that were not yet reported done. */
  get missing(): number {
    return this.#missing;
  }

  /** The next run for a source, as soon as there is one; undefined when there will be none. */
  async take(source: Source): Promise<Run | undefined> {
    while (!this.#stopped && this.#missing > 0) {
      const run = this.#takeReturned(source) ?? this.#takeNext();
      if (run) return run;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** So many of the chunks that were taken are verified and written. */
  done(chunks: number): void {
    this.#missing -= chunks;
    if (this.#missing === 0) this.wake();
  }

  /** A run that was taken could not be had from this source. */
  giveBack(run: Run, by: Source): void {
    this.#returned.push({ run, by });
    this.wake();
  }

  /** Lets those who wait look again: the horizon moved, or a source came or went. */
  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** From now on nobody is given anything. */
  stop(): void {
    this.#stopped = true;
    this.wake();
  }

  #takeReturned(source: Source): Run | undefined {
    const at = this.#returned.findIndex(({ by }) =>
      by !== source || !this.#options.hasOther(source)
    );
    if (at >= 0) return this.#returned.splice(at, 1)[0].run;
  }

  #takeNext(): Run | undefined {
    const { chunks, horizon } = this.#options;
    const count = Math.min(RUN_CHUNKS, chunks - this.#next);
    if (count === 0 || (this.#next + count) * CHUNK_SIZE > horizon()) return;
    const run = { first: this.#next, count };
    this.#next += count;
    return run;
  }
}
