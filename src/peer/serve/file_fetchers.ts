import type { PieceNotices } from "./piece_notices.ts";

/** When more than so many fetch a file, telling each of them what the others are sent costs too much. */
const TOLD_CAP = 64;
/** Runs of a file whose taker is remembered; of those taken before, anybody may ask. */
const TAKEN_CAP = 65_536;

/** Who fetches a file now, and which of its pieces each was the first to ask for. */
export class FileFetchers {
  readonly #fetchers = new Set<PieceNotices>();
  readonly #takers = new Map<number, PieceNotices>();

  get size(): number {
    return this.#fetchers.size;
  }

  add(fetcher: PieceNotices): void {
    this.#fetchers.add(fetcher);
  }

  /** What it was the first to ask for is anybody's again. */
  remove(fetcher: PieceNotices): void {
    this.#fetchers.delete(fetcher);
    for (const [piece, taker] of this.#takers) if (taker === fetcher) this.#takers.delete(piece);
  }

  /** A fetcher asks for a piece. The others, if it is the first, can soon have the piece from there. */
  ask(file: string, piece: number, fetcher: PieceNotices): void {
    if (!this.#fetchers.has(fetcher) || this.#takers.has(piece)) return;
    for (const oldest of this.#takers.keys()) {
      if (this.#takers.size < TAKEN_CAP) break;
      this.#takers.delete(oldest);
    }
    this.#takers.set(piece, fetcher);
    if (this.#fetchers.size > TOLD_CAP) return;
    for (const other of this.#fetchers) if (other !== fetcher) other.taken(file, piece);
  }

  /** True when somebody else was the first to ask for a piece, and is still there. */
  isTaken(piece: number, fetcher: PieceNotices): boolean {
    const taker = this.#takers.get(piece);
    return taker !== undefined && taker !== fetcher;
  }
}
