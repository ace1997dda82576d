/** Where a download's verified bytes go: a file that is written anywhere, or a stream in order. */
export interface Sink {
  /** Bytes from this position on can't be taken yet. It only grows. */
  readonly horizon: number;
  /** Takes bytes that have been verified; they must not be changed until it resolves. */
  write(position: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
}
