/** So many fewer connections, and at most half as many, are the end of a rush. */
const RUSH = 200;
/** Of a larger heap garbage is a small part, and going through it keeps others waiting, in bytes. */
const LARGE_HEAP = 256 << 20;

interface IdleGcOptions {
  /** Bytes of the heap in use, garbage among them. @default Deno.memoryUsage */
  used?: () => number;
  /** Collects garbage. @default V8's own, which is there with `--expose-gc` */
  collect?: () => void;
}

/**
 * Collects garbage when a rush is over. V8 collects when there is something to allocate, so what many
 * callers leave behind would otherwise stay until as many come again: some versions tidy up when idle,
 * that of Deno 2.5 does not.
 */
export class IdleGc {
  readonly #used: () => number;
  readonly #collect: () => void;
  /** The most connections at a look since the last rush. */
  #peak = 0;
  #last = 0;

  constructor(options: IdleGcOptions = {}) {
    this.#used = options.used ?? (() => Deno.memoryUsage().heapUsed);
    this.#collect = options.collect ?? collectAll;
  }

  /** To be called now and then, some seconds apart, with how many connections there are. */
  look(connections: number): void {
    const leaving = connections < this.#last;
    this.#last = connections;
    this.#peak = Math.max(this.#peak, connections);
    if (leaving || this.#peak - connections < RUSH || connections > this.#peak / 2) return;
    this.#peak = connections;
    if (this.#used() <= LARGE_HEAP) this.#collect();
  }
}

/** Also gives the pages back that V8 keeps for the next rush, as if there were too little memory. */
function collectAll(): void {
  const { gc } = globalThis as { gc?: (options: Record<string, string>) => void };
  gc?.({ type: "major", execution: "sync", flavor: "last-resort" });
}
