/** A lock: work that shares it runs one at a time, in the order in which it came. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs the work once all that came before has ended, well or not; settles as the work does. */
  run<T>(work: () => Promise<T> | T): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.then(() => {}, () => {});
    return done;
  }

  /** Resolves when all that came so far has ended. Never rejects. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
