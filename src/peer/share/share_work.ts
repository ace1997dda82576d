import { anyOf } from "../../async/any_of.ts";
import { foldName } from "../../content/safe_path.ts";
import { Mutex } from "../../async/mutex.ts";

/** The ranks of work on a share. Later work ends what ranks below it. */
export const RANK = {
  /** A look at whether it is still there and the same. */
  look: 0,
  /** A request that shares it. */
  publish: 1,
  /** A request that withdraws it. */
  withdraw: 2,
} as const;

interface WorkOptions {
  rank: typeof RANK[keyof typeof RANK];
  signal?: AbortSignal;
  /** The reason that ends work of a lower rank. */
  reason?: unknown;
}

interface Work {
  rank: number;
  abort: AbortController;
}

/**
 * The owner of all that is under way on shares: for one name, one piece of work at a time, in the order
 * in which it came. Names that only differ in case or Unicode form count as one.
 */
export class ShareWork {
  readonly #byName = new Map<string, { works: Set<Work>; mutex: Mutex }>();

  /**
   * Does some work on a name: ends what ranks below, waits for what is under way, then begins. The
   * work's signal aborts with `signal`, or when something that ranks higher comes; work that heeds it
   * before it publishes anything publishes nothing after that.
   */
  async run<T>(
    name: string,
    options: WorkOptions,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const key = foldName(name);
    const queue = this.#byName.get(key) ?? { works: new Set<Work>(), mutex: new Mutex() };
    this.#byName.set(key, queue);
    for (const other of queue.works) {
      if (other.rank < options.rank) other.abort.abort(options.reason ?? new Superseded());
    }
    const own: Work = { rank: options.rank, abort: new AbortController() };
    queue.works.add(own);
    const signal = anyOf(own.abort.signal, options.signal);
    try {
      return await queue.mutex.run(() => {
        signal.throwIfAborted();
        return work(signal);
      });
    } finally {
      queue.works.delete(own);
      if (queue.works.size === 0) this.#byName.delete(key);
    }
  }
}

/** The reason of work that was ended for another request about the same share. */
export class Superseded extends Error {
  override readonly name = "Superseded";

  constructor() {
    super("Another request about the same share came");
  }
}
