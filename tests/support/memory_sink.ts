import { PIECE_SIZE, pieceCount, PieceMap } from "../../src/content/piece_map.ts";
import type { Payload, Sink } from "../../src/store/disk/sink.ts";
import type { Stored } from "../../src/store/disk/sink.ts";
import { type Bytes, sha256 } from "./bytes.ts";

const CHUNK = 65_536;

/** Keeps what is right. The memory that it gives back is another. */
export class MemorySink implements Sink {
  readonly horizon = Infinity;
  readonly map: PieceMap;
  readonly content: Bytes;
  /** The positions of the chunks that were stored. */
  readonly written = new Set<number>();
  /** Pieces that were added to its map. */
  readonly done: number[] = [];

  /** `map`: what is there from before. Default nothing. */
  constructor(size: number, map = new PieceMap(pieceCount(size))) {
    this.content = new Uint8Array(size);
    this.map = map;
    map.onAdded((piece) => {
      const end = Math.min((piece + 1) * PIECE_SIZE, size);
      for (let at = piece * PIECE_SIZE; at < end; at += CHUNK) {
        if (!this.written.has(at)) throw new Error(`piece ${piece} is added without byte ${at}`);
      }
      this.done.push(piece);
    });
  }

  store(position: number, { buffer, length, expected }: Payload): Promise<Stored> {
    const bytes = new Uint8Array(buffer.transfer(), 0, length);
    const bad: number[] = [];
    for (let index = 0; index * CHUNK < length; index++) {
      const chunk = bytes.subarray(index * CHUNK, (index + 1) * CHUNK);
      const right = expected.subarray(index * 32, (index + 1) * 32);
      if (sha256(chunk).toHex() !== right.toHex()) bad.push(index);
      else {
        this.written.add(position + index * CHUNK);
        this.content.set(chunk, position + index * CHUNK);
      }
    }
    return Promise.resolve({ bad, buffer: bytes.buffer });
  }
}
