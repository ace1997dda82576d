/** Runs a bounded number of tasks at a time. The first failure is thrown by whatever is called next. */
export class Pool {
  readonly #size: number;
  readonly #running = new Set<Promise<void>>();
  #failure: { reason: unknown } | undefined;

  constructor(size: number) {
    this.#size = size;
  }

  /** Waits until fewer tasks than the size are running, then starts one; does not wait for its end. */
  async add(task: () => Promise<void>): Promise<void> {
    while (this.#running.size >= this.#size) await Promise.race(this.#running);
    this.#check();
    const running: Promise<void> = task().catch((reason) => {
      this.#failure ??= { reason };
    }).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Resolves when no task is running. */
  async settled(): Promise<void> {
    await Promise.all(this.#running);
    this.#check();
  }

  #check(): void {
    if (this.#failure) throw this.#failure.reason;
  }
}
