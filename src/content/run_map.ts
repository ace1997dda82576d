/**
 * Which runs of a file are there: one bit for each {@link RUN_CHUNKS} chunks, the last run being
 * shorter. This is what a partial download keeps across restarts, and what peers tell each other.
 */
import { CHUNK_SIZE } from "./sizes.ts";

/**
 * Chunks in a run: the unit in which a download is planned, told of and passed on. 256 KiB: whoever
 * fetches a run can pass it on once it is whole, so that a swarm begins and ends the sooner the smaller
 * runs are.
 */
export const RUN_CHUNKS = 4;
/** Bytes in a run. */
export const RUN_SIZE = RUN_CHUNKS * CHUNK_SIZE;

/** Consecutive runs, by number. */
export interface RunRange {
  first: number;
  /** The one after the last. */
  end: number;
}

/** Runs in a file of `size` bytes. */
export function runCount(size: number): number {
  return Math.ceil(size / RUN_SIZE);
}

export class RunMap {
  /** How many runs the file has. */
  readonly runs: number;
  readonly #bits: Uint8Array<ArrayBuffer>;
  #count = 0;

  /** A map of `runs` runs, none of them there. */
  constructor(runs: number) {
    this.runs = runs;
    this.#bits = new Uint8Array(Math.ceil(runs / 8));
  }

  /** A map of which all is there. */
  static full(runs: number): RunMap {
    return RunMap.from(runs, new Uint8Array(Math.ceil(runs / 8)).fill(0xff));
  }

  /**
   * The map that {@link bytes} gave. Throws a RangeError when the length doesn't fit. Bits beyond the
   * last run are ignored.
   */
  static from(runs: number, bytes: Uint8Array): RunMap {
    const map = new RunMap(runs);
    if (bytes.length !== map.#bits.length) {
      throw new RangeError(
        `a map of ${runs} runs has ${map.#bits.length} bytes, not ${bytes.length}`,
      );
    }
    map.#bits.set(bytes);
    const beyond = runs % 8;
    if (beyond > 0) map.#bits[map.#bits.length - 1] &= (1 << beyond) - 1;
    for (let byte of map.#bits) for (; byte; byte &= byte - 1) map.#count++;
    return map;
  }

  /** Runs that are there. */
  get count(): number {
    return this.#count;
  }

  get complete(): boolean {
    return this.#count === this.runs;
  }

  has(run: number): boolean {
    return run < this.runs && (this.#bits[run >> 3] & (1 << (run & 7))) !== 0;
  }

  /** Notes that a run is there; true when it was not before. */
  add(run: number): boolean {
    if (run < 0 || run >= this.runs || this.has(run)) return false;
    this.#bits[run >> 3] |= 1 << (run & 7);
    this.#count++;
    return true;
  }

  /** Notes that a run is not there. */
  remove(run: number): void {
    if (run >= this.runs || !this.has(run)) return;
    this.#bits[run >> 3] &= ~(1 << (run & 7));
    this.#count--;
  }

  /** Bit n of byte n >> 3, lowest first, is run n. A copy. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bits.slice();
  }
}
