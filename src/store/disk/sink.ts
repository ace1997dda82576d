import type { PieceMap } from "../../content/piece_map.ts";

/** Chunks as they came from a source, and what they should be. */
export interface Payload {
  /** The chunks are its first `length` bytes. It is handed over, and may come back as another. */
  buffer: ArrayBuffer;
  length: number;
  /** The digests that the chunks should have, one after the other. */
  expected: Uint8Array;
}

/** The result for a payload. */
export interface Stored {
  bad: number[];
  /** The memory that the payload came in, to be used again. */
  buffer: ArrayBuffer;
}

/** The sink of a download: a file that is written anywhere, or a stream in order. */
export interface Sink {
  /** Bytes from this position on can't be taken yet. It only grows. */
  readonly horizon: number;
  /**
   * The pieces that are there: when a download begins, those that it need not fetch. The download
   * alone adds each piece whose every chunk has been stored. Undefined for a sink that keeps
   * nothing.
   */
  readonly map?: PieceMap;
  /**
   * Verifies the chunks of a payload, which begins at `position` in the file, and takes those that
   * are right. Throws a `disk` Fault.
   */
  store(position: number, payload: Payload): Promise<Stored>;
  /**
   * Takes zeros, whole chunks of them, from a position in the file. Throws a `disk` Fault. A sink
   * without it is given them as any other chunks.
   */
  clear?(position: number, length: number): Promise<void>;
}
