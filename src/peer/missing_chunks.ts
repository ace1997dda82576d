import { runLength, type TreeShape } from "../content/hash_tree.ts";
import { RUN_CHUNKS, type RunMap } from "../content/run_map.ts";
import type { ChunkRange } from "./source.ts";

/**
 * Which chunks of a download are missing. Whole runs are in a map that is shared with the picker; here
 * are the chunks of those runs that some, but not all, is there of.
 */
export class MissingChunks {
  readonly #shape: TreeShape;
  /** The runs that nothing is missing of. */
  readonly #map: RunMap;
  /** Of other runs, the chunks that are still missing: bit n is chunk n of the run. Default all. */
  readonly #partly = new Map<number, number>();

  constructor(shape: TreeShape, map: RunMap) {
    this.#shape = shape;
    this.#map = map;
  }

  /** True when one of these chunks of a run is missing. */
  needs(range: ChunkRange): boolean {
    return this.#missing(range) !== 0;
  }

  /** How many chunks of a run are there. */
  countIn(run: number): number {
    let chunks = this.#chunksIn(run);
    if (this.#map.has(run)) return chunks;
    for (let missing = this.#mask(run); missing !== 0; missing &= missing - 1) chunks--;
    return chunks;
  }

  /** The chunks of a run that are missing, in ranges of at most `most` chunks. */
  of(run: number, most: number): ChunkRange[] {
    const mask = this.#mask(run);
    const ranges: ChunkRange[] = [];
    for (let index = 0; index < this.#chunksIn(run); index++) {
      if (!(mask & (1 << index))) continue;
      const chunk = run * RUN_CHUNKS + index;
      const last = ranges.at(-1);
      if (last && last.first + last.count === chunk && last.count < most) last.count++;
      else ranges.push({ first: chunk, count: 1 });
    }
    return ranges;
  }

  /**
   * These chunks of a run are there: how many of them were missing, and their bytes. `whole` when the
   * run has them all now: it is for the caller to add it to the map.
   */
  had(range: ChunkRange): { chunks: number; bytes: number; whole: boolean } {
    const run = Math.floor(range.first / RUN_CHUNKS);
    let these = this.#missing(range);
    const had = { chunks: 0, bytes: 0, whole: false };
    if (these === 0) return had;
    const left = this.#mask(run) & ~these;
    for (let chunk = run * RUN_CHUNKS; these !== 0; chunk++, these >>>= 1) {
      if (!(these & 1)) continue;
      had.chunks++;
      had.bytes += runLength(this.#shape, chunk, 1);
    }
    had.whole = left === 0;
    if (left === 0) this.#partly.delete(run);
    else this.#partly.set(run, left);
    return had;
  }

  /** Takes all but these chunks for being there, whole runs in the map among them. */
  only({ first, count }: ChunkRange): void {
    for (let run = 0; run < this.#map.runs; run++) {
      const begin = run * RUN_CHUNKS;
      const from = Math.max(first, begin);
      const end = Math.min(first + count, begin + RUN_CHUNKS, this.#shape.chunks);
      if (from >= end) this.#map.add(run);
      else this.#partly.set(run, bits(from - begin, end - from));
    }
  }

  #missing({ first, count }: ChunkRange): number {
    const run = Math.floor(first / RUN_CHUNKS);
    return this.#map.has(run) ? 0 : this.#mask(run) & bits(first % RUN_CHUNKS, count);
  }

  #mask(run: number): number {
    return this.#partly.get(run) ?? (1 << this.#chunksIn(run)) - 1;
  }

  #chunksIn(run: number): number {
    return Math.min(RUN_CHUNKS, this.#shape.chunks - run * RUN_CHUNKS);
  }
}

/** Bits for `count` chunks of a run, from chunk `index` of it on. */
function bits(index: number, count: number): number {
  return ((1 << count) - 1) << index;
}
