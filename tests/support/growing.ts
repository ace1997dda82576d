import { pieceCount, PieceMap } from "../../src/content/piece_map.ts";
import type { Servable } from "../../src/store/disk/servable.ts";
import type { Bytes } from "./bytes.ts";

/** A download that grows when the test says so. */
export class Growing implements Servable {
  readonly name = "growing";
  readonly id: string;
  readonly size: number;
  readonly map: PieceMap;
  readonly content: Bytes;
  readonly heard = new Set<(piece: number) => void>();
  readable = true;
  sources?: Servable["sources"];

  constructor(content: Bytes, id = "ef".repeat(32)) {
    this.id = id;
    this.size = content.length;
    this.content = content;
    this.map = new PieceMap(pieceCount(content.length));
  }

  read(position: number, into: Uint8Array): boolean {
    into.set(this.content.subarray(position, position + into.length));
    return this.readable;
  }

  onPiece(heard: (piece: number) => void): () => void {
    this.heard.add(heard);
    return () => this.heard.delete(heard);
  }

  get(...pieces: number[]): void {
    for (const piece of pieces) {
      if (this.map.add(piece)) { for (const heard of this.heard) heard(piece); }
    }
  }
}
