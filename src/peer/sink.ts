/** Where a download's verified bytes go: a file that is written anywhere, or a stream in order. */
export interface Sink {
  /** Bytes from this position on can't be taken yet. It only grows. */
  readonly horizon: number;
  /** Takes bytes that have been verified; they may be changed when it returns. */
  write(position: number, bytes: Uint8Array<ArrayBuffer>): void;
}
