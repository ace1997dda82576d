import { runLength, type TreeShape } from "../../content/hash_tree.ts";
import { RUN_CHUNKS, type RunMap, type RunRange } from "../../content/run_map.ts";
import { PAGE_DIGESTS } from "../../content/sizes.ts";
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

  /** True when one of these chunks is missing. */
  needs(range: ChunkRange): boolean {
    return partsOf(range).some((part) => this.#missing(part) !== 0);
  }

  /** How many chunks of a run are there. */
  countIn(run: number): number {
    let chunks = this.#chunksIn(run);
    if (this.#map.has(run)) return chunks;
    for (let missing = this.#mask(run); missing !== 0; missing &= missing - 1) chunks--;
    return chunks;
  }

  /**
   * The chunks of some runs that are missing, in ranges of at most `most` chunks, each of which has its
   * digests in one page.
   */
  of(runs: RunRange, most: number): ChunkRange[] {
    const ranges: ChunkRange[] = [];
    for (let run = runs.first; run < runs.end; run++) {
      if (this.#map.has(run)) continue;
      const mask = this.#mask(run);
      for (let index = 0; index < this.#chunksIn(run); index++) {
        if (!(mask & (1 << index))) continue;
        const chunk = run * RUN_CHUNKS + index;
        const last = ranges.at(-1);
        const follows = last && last.first + last.count === chunk && chunk % PAGE_DIGESTS > 0;
        if (follows && last.count < most) last.count++;
        else ranges.push({ first: chunk, count: 1 });
      }
    }
    return ranges;
  }

  /**
   * These chunks are there: how many of them were missing, and their bytes. `whole` are the runs that
   * have all of theirs now: it is for the caller to add them to the map.
   */
  had(range: ChunkRange): { chunks: number; bytes: number; whole: number[] } {
    const had = { chunks: 0, bytes: 0, whole: [] as number[] };
    for (const part of partsOf(range)) {
      const run = Math.floor(part.first / RUN_CHUNKS);
      let these = this.#missing(part);
      if (these === 0) continue;
      const left = this.#mask(run) & ~these;
      for (let chunk = run * RUN_CHUNKS; these !== 0; chunk++, these >>>= 1) {
        if (!(these & 1)) continue;
        had.chunks++;
        had.bytes += runLength(this.#shape, chunk, 1);
      }
      if (left > 0) this.#partly.set(run, left);
      else {
        this.#partly.delete(run);
        had.whole.push(run);
      }
    }
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

/** A range in parts that each lie within one run. */
function partsOf({ first, count }: ChunkRange): ChunkRange[] {
  const parts: ChunkRange[] = [];
  for (const end = first + count; first < end;) {
    const next = Math.min(end, first - first % RUN_CHUNKS + RUN_CHUNKS);
    parts.push({ first, count: next - first });
    first = next;
  }
  return parts;
}

/** Bits for `count` chunks of a run, from chunk `index` of it on. */
function bits(index: number, count: number): number {
  return ((1 << count) - 1) << index;
}
