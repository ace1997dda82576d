/** An observer of a bootstrap's work, such as its metrics. */
export interface BootstrapObserver {
  /** A request was answered: `result` is `ok`, or the code of the error. */
  answered(action: string, result: string, seconds: number): void;
  /** A connection was told to come back later. */
  refused(): void;
}
