import type { PieceNotices } from "./piece_notices.ts";

/** The number of peers that fetch a file above which telling each of them what the others are sent costs too much. */
const TOLD_CAP = 64;
/** Pieces of a file whose first requester is remembered; for those before, any peer may ask. */
const TAKEN_CAP = 65_536;

/** The peers that fetch a file now, and the pieces that each was the first to ask for. */
export class FileFetchers {
  readonly #fetchers = new Set<PieceNotices>();
  readonly #firsts = new Map<number, PieceNotices>();

  get size(): number {
    return this.#fetchers.size;
  }

  add(fetcher: PieceNotices): void {
    this.#fetchers.add(fetcher);
  }

  /** Forgets a fetcher: any other may ask for what it was the first to ask for. */
  remove(fetcher: PieceNotices): void {
    this.#fetchers.delete(fetcher);
    for (const [piece, first] of this.#firsts) if (first === fetcher) this.#firsts.delete(piece);
  }

  /** A fetcher asks for a piece. The others, if it is the first, can soon have the piece from there. */
  ask(file: string, piece: number, fetcher: PieceNotices): void {
    if (!this.#fetchers.has(fetcher) || this.#firsts.has(piece)) return;
    for (const oldest of this.#firsts.keys()) {
      if (this.#firsts.size < TAKEN_CAP) break;
      this.#firsts.delete(oldest);
    }
    this.#firsts.set(piece, fetcher);
    if (this.#fetchers.size > TOLD_CAP) return;
    for (const other of this.#fetchers) if (other !== fetcher) other.taken(file, piece);
  }

  /** True when another peer was the first to ask for a piece, and is still there. */
  isTaken(piece: number, fetcher: PieceNotices): boolean {
    const first = this.#firsts.get(piece);
    return first !== undefined && first !== fetcher;
  }
}
