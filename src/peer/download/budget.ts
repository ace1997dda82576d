/** Bytes that all downloads of a peer together may have in flight. */
const BUDGET = 48 << 20;

/** One download's part of a budget. */
export interface BudgetShare {
  /**
   * Resolves when the bytes are there to be used; they must be given back. Throws the signal's reason,
   * with nothing taken, when it aborts before.
   */
  take(bytes: number, signal?: AbortSignal): Promise<void>;
  give(bytes: number): void;
}

/** A download that waits, for how much, and how much it has. */
interface Waiting {
  user: { bytes: number };
  bytes: number;
  resolve: () => void;
}

/**
 * A number of bytes that many share. Of those that wait, the one that has the least is served first, so that
 * all come to have the same, however much each asks for at a time.
 */
export class Budget {
  #free: number;
  /** In the order in which they asked. */
  #waiting: Waiting[] = [];

  constructor(bytes: number = BUDGET) {
    this.#free = bytes;
  }

  /** A share, which is as large as those of others when all want more. */
  share(): BudgetShare {
    const user = { bytes: 0 };
    return {
      take: (bytes, signal) => this.#take(user, bytes, signal),
      give: (bytes) => {
        user.bytes -= bytes;
        this.#free += bytes;
        this.#serve();
      },
    };
  }

  async #take(user: { bytes: number }, bytes: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#waiting.length === 0 && this.#free >= bytes) {
      user.bytes += bytes;
      this.#free -= bytes;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const entry = { user, bytes, resolve };
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

  #serve(): void {
    while (this.#waiting.length > 0) {
      const next = this.#waiting.reduce((a, b) => b.user.bytes < a.user.bytes ? b : a);
      if (next.bytes > this.#free) return;
      this.#waiting.splice(this.#waiting.indexOf(next), 1);
      next.user.bytes += next.bytes;
      this.#free -= next.bytes;
      next.resolve();
    }
  }
}
