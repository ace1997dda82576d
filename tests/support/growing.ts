import { pieceCount, PieceMap } from "../../src/content/piece_map.ts";
import type { Servable } from "../../src/store/disk/servable.ts";
import type { Bytes } from "./bytes.ts";

/** A map that counts its listeners. */
export class HeardMap extends PieceMap {
  listeners = 0;

  override onAdded(listener: (piece: number) => void): () => void {
    const stop = super.onAdded(listener);
    this.listeners++;
    return () => {
      stop();
      this.listeners--;
    };
  }
}

/** A download that grows when the test says so. */
export class Growing implements Servable {
  readonly name = "growing";
  readonly id: string;
  readonly size: number;
  readonly map: HeardMap;
  readonly content: Bytes;
  readable = true;
  sources?: Servable["sources"];

  constructor(content: Bytes, id = "ef".repeat(32)) {
    this.id = id;
    this.size = content.length;
    this.content = content;
    this.map = new HeardMap(pieceCount(content.length));
  }

  read(position: number, into: Uint8Array): boolean {
    into.set(this.content.subarray(position, position + into.length));
    return this.readable;
  }

  get(...pieces: number[]): void {
    for (const piece of pieces) this.map.add(piece);
  }
}
