/**
 * A map of the pieces of a file that are there: one bit for each {@link PIECE_CHUNKS} chunks, the
 * last piece being shorter. A partial download keeps it across restarts, and peers tell it each
 * other.
 */
import { CHUNK_SIZE } from "./sizes.ts";

/**
 * Chunks in a piece: the unit in which a download is planned, announced and passed on. 256 KiB: a
 * peer can pass a piece on once it is complete, so a swarm begins and ends the sooner the smaller
 * pieces are.
 */
export const PIECE_CHUNKS = 4;
/** Bytes in a piece. */
export const PIECE_SIZE = PIECE_CHUNKS * CHUNK_SIZE;

/** Consecutive pieces, by number. */
export interface PieceRange {
  first: number;
  /** The one after the last. */
  end: number;
}

/** Pieces in a file of `size` bytes. */
export function pieceCount(size: number): number {
  return Math.ceil(size / PIECE_SIZE);
}

export class PieceMap {
  /** Number of pieces of the file. */
  readonly pieces: number;
  readonly #bits: Uint8Array<ArrayBuffer>;
  #count = 0;
  /** Made when the first listener comes: most maps have none. */
  #listeners: Set<(piece: number) => void> | undefined;

  /** A map of `pieces` pieces, none of them there. */
  constructor(pieces: number) {
    this.pieces = pieces;
    this.#bits = new Uint8Array(Math.ceil(pieces / 8));
  }

  /** A map of which all is there. */
  static full(pieces: number): PieceMap {
    return PieceMap.from(pieces, new Uint8Array(Math.ceil(pieces / 8)).fill(0xff));
  }

  /**
   * The map that {@link bytes} gave. Throws a RangeError when the length doesn't fit. Bits beyond the
   * last piece are ignored.
   */
  static from(pieces: number, bytes: Uint8Array): PieceMap {
    const map = new PieceMap(pieces);
    if (bytes.length !== map.#bits.length) {
      throw new RangeError(
        `a map of ${pieces} pieces has ${map.#bits.length} bytes, not ${bytes.length}`,
      );
    }
    map.#bits.set(bytes);
    const beyond = pieces % 8;
    if (beyond > 0) map.#bits[map.#bits.length - 1]! &= (1 << beyond) - 1;
    for (let byte of map.#bits) for (; byte; byte &= byte - 1) map.#count++;
    return map;
  }

  /** The number of pieces that are there. */
  get count(): number {
    return this.#count;
  }

  get complete(): boolean {
    return this.#count === this.pieces;
  }

  has(piece: number): boolean {
    return piece < this.pieces && (this.#bits[piece >> 3]! & (1 << (piece & 7))) !== 0;
  }

  /** Notes that a piece is there; true when it was not before. */
  add(piece: number): boolean {
    if (piece < 0 || piece >= this.pieces || this.has(piece)) return false;
    this.#bits[piece >> 3]! |= 1 << (piece & 7);
    this.#count++;
    if (this.#listeners) { for (const onAdded of this.#listeners) onAdded(piece); }
    return true;
  }

  /** Calls back for each piece that is added from now on; returns how to stop that. */
  onAdded(listener: (piece: number) => void): () => void {
    const listeners = this.#listeners ??= new Set();
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** Notes that a piece is not there. */
  remove(piece: number): void {
    if (piece >= this.pieces || !this.has(piece)) return;
    this.#bits[piece >> 3]! &= ~(1 << (piece & 7));
    this.#count--;
  }

  /** Bit n of byte n >> 3, lowest first, is piece n. A copy. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bits.slice();
  }
}
