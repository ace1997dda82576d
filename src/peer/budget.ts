/** Bytes that all downloads of a peer together may have in flight. */
export const BUDGET = 48 << 20;

/** A number of bytes that many share. Whoever asked first is served first, so all get their turn. */
export class Budget {
  #free: number;
  #waiting: { bytes: number; resolve: () => void }[] = [];

  constructor(bytes: number = BUDGET) {
    this.#free = bytes;
  }

  /**
   * Resolves when the bytes are there to be used; they must be given back. Throws the signal's reason,
   * with nothing taken, when it aborts before.
   */
  async take(bytes: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#waiting.length === 0 && this.#free >= bytes) {
      this.#free -= bytes;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const entry = { bytes, resolve };
    this.#waiting.push(entry);
    const leave = () => {
      if (!this.#waiting.includes(entry)) return;
      this.#waiting = this.#waiting.filter((other) => other !== entry);
      reject(signal!.reason);
      this.#serve();
    };
    signal?.addEventListener("abort", leave);
    try {
      await promise;
    } finally {
      signal?.removeEventListener("abort", leave);
    }
  }

  give(bytes: number): void {
    this.#free += bytes;
    this.#serve();
  }

  #serve(): void {
    while (this.#waiting.length > 0 && this.#waiting[0].bytes <= this.#free) {
      const { bytes, resolve } = this.#waiting.shift()!;
      this.#free -= bytes;
      resolve();
    }
  }
}
