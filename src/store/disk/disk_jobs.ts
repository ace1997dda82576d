import type { FileStamp } from "./file_stamp.ts";

/** A part of a file that is to be hashed. */
export interface HashedPart {
  /** Bytes; the file has as many from the part's position on. */
  length: number;
  /** The stamp that the file must still have. */
  stamp: FileStamp;
  /** A link stands for what it leads to. */
  follow?: boolean;
  /** Another file, which takes at the same position those chunks that have these digests. */
  into?: { path: string; expected: Uint8Array };
}

/** A request to a disk's thread. Positions and lengths are bytes. */
export type DiskRequest =
  | {
    kind: "store";
    path: string;
    /** The position of the payload in the file. */
    position: number;
    /** The payload is its first `length` bytes. It is handed over, and comes back with the reply. */
    buffer: ArrayBuffer;
    length: number;
    /** The digests that the payload's chunks should have, one after the other. */
    expected: Uint8Array;
  }
  | {
    kind: "check";
    path: string;
    /** The position in the file to begin at, and the length. */
    position: number;
    length: number;
    expected: Uint8Array;
  }
  | {
    kind: "copy";
    path: string;
    position: number;
    length: number;
    expected: Uint8Array;
    /** The place to read the chunks from. Chunks that can't be read there are wrong. */
    from: { path: string; position: number };
  }
  | ({ kind: "hash"; path: string; position: number } & HashedPart)
  /** Whole chunks become zeros. */
  | { kind: "clear"; path: string; position: number; length: number }
  | { kind: "hold" | "close"; path: string };

export interface DiskReply {
  /** For `store`: the request's. */
  buffer?: ArrayBuffer;
  /**
   * Numbers, from 0, of the chunks that failed their digest; for all but `check`, they were not
   * written. For `hash`, only of a part that is copied.
   */
  bad?: number[];
  /** For `hash`: of the part's chunks, one after the other; absent when the file has changed. */
  digests?: Uint8Array<ArrayBuffer>;
  error?: { code?: string; message: string };
}

/** A message to or from a thread; a reply has its request's number. */
export interface Numbered<T> {
  job: number;
  message: T;
}
