import { pieceLength, type TreeShape } from "../../content/hash_tree.ts";
import { PIECE_CHUNKS, type PieceMap, type PieceRange } from "../../content/piece_map.ts";
import { BLOCK_DIGESTS } from "../../content/sizes.ts";
import type { ChunkRange } from "./source.ts";

/**
 * The account of which chunks a download lacks. It alone adds to the map of whole pieces, which the
 * picker, the pipelines, the sink and the uploads read; of other pieces it knows the single chunks.
 */
export class MissingChunks {
  readonly shape: TreeShape;
  /** The pieces of which nothing is missing. */
  readonly map: PieceMap;
  /** Of other pieces, the chunks that are still missing: bit n is chunk n of the piece. Default all. */
  readonly #partly = new Map<number, number>();

  constructor(shape: TreeShape, map: PieceMap) {
    this.shape = shape;
    this.map = map;
  }

  /** True when one of these chunks is missing. */
  needs(range: ChunkRange): boolean {
    return partsOf(range).some((part) => this.#missing(part) !== 0);
  }

  /** The number of chunks of a piece that are there. */
  countIn(piece: number): number {
    let chunks = this.#chunksIn(piece);
    if (this.map.has(piece)) return chunks;
    for (let missing = this.#mask(piece); missing !== 0; missing &= missing - 1) chunks--;
    return chunks;
  }

  /**
   * The missing chunks of some pieces, in ranges of at most `most` chunks, each of which has its digests
   * in one block.
   */
  of(pieces: PieceRange, most: number): ChunkRange[] {
    const ranges: ChunkRange[] = [];
    for (let piece = pieces.first; piece < pieces.end; piece++) {
      if (this.map.has(piece)) continue;
      const mask = this.#mask(piece);
      for (let index = 0; index < this.#chunksIn(piece); index++) {
        if (!(mask & (1 << index))) continue;
        const chunk = piece * PIECE_CHUNKS + index;
        const last = ranges.at(-1);
        const follows = last && last.first + last.count === chunk && chunk % BLOCK_DIGESTS > 0;
        if (follows && last.count < most) last.count++;
        else ranges.push({ first: chunk, count: 1 });
      }
    }
    return ranges;
  }

  /**
   * Notes that these chunks are there; returns how many of them were missing, and their bytes. A piece
   * that has all of its chunks now is added to the map.
   */
  had(range: ChunkRange): { chunks: number; bytes: number } {
    const had = { chunks: 0, bytes: 0 };
    for (const part of partsOf(range)) {
      const piece = Math.floor(part.first / PIECE_CHUNKS);
      let these = this.#missing(part);
      if (these === 0) continue;
      const left = this.#mask(piece) & ~these;
      for (let chunk = piece * PIECE_CHUNKS; these !== 0; chunk++, these >>>= 1) {
        if (!(these & 1)) continue;
        had.chunks++;
        had.bytes += pieceLength(this.shape, chunk, 1);
      }
      if (left > 0) this.#partly.set(piece, left);
      else {
        this.#partly.delete(piece);
        this.map.add(piece);
      }
    }
    return had;
  }

  /** Counts all but these chunks as there, whole pieces in the map among them. */
  only({ first, count }: ChunkRange): void {
    for (let piece = 0; piece < this.map.pieces; piece++) {
      const begin = piece * PIECE_CHUNKS;
      const from = Math.max(first, begin);
      const end = Math.min(first + count, begin + PIECE_CHUNKS, this.shape.chunks);
      if (from >= end) this.map.add(piece);
      else this.#partly.set(piece, bits(from - begin, end - from));
    }
  }

  #missing({ first, count }: ChunkRange): number {
    const piece = Math.floor(first / PIECE_CHUNKS);
    return this.map.has(piece) ? 0 : this.#mask(piece) & bits(first % PIECE_CHUNKS, count);
  }

  #mask(piece: number): number {
    return this.#partly.get(piece) ?? (1 << this.#chunksIn(piece)) - 1;
  }

  #chunksIn(piece: number): number {
    return Math.min(PIECE_CHUNKS, this.shape.chunks - piece * PIECE_CHUNKS);
  }
}

/** A range in parts that each lie within one piece. */
function partsOf({ first, count }: ChunkRange): ChunkRange[] {
  const parts: ChunkRange[] = [];
  for (const end = first + count; first < end;) {
    const next = Math.min(end, first - first % PIECE_CHUNKS + PIECE_CHUNKS);
    parts.push({ first, count: next - first });
    first = next;
  }
  return parts;
}

/** Bits for `count` chunks of a piece, from chunk `index` of it on. */
function bits(index: number, count: number): number {
  return ((1 << count) - 1) << index;
}
