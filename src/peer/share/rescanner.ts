import type { Lifetime } from "../../async/lifetime.ts";
import type { Sharing } from "./sharing.ts";
import { Mutex } from "../../async/mutex.ts";

/** How often shared files are looked at, in milliseconds. */
const RESCAN_MS = 60_000;

/** Has the shared files looked at while a peer serves, by one at a time. */
export class Rescanner {
  readonly #sharing: Sharing;
  readonly #lifetime: Lifetime;
  #timer: ReturnType<typeof setInterval> | undefined;
  readonly #mutex = new Mutex();
  #due = false;

  constructor(sharing: Sharing, lifetime: Lifetime) {
    this.#sharing = sharing;
    this.#lifetime = lifetime;
  }

  /** Looks at all of them from now on, every 60 s. */
  start(): void {
    this.rescanSoon();
    this.#timer = setInterval(() => this.rescanSoon(), RESCAN_MS);
  }

  /** Looks at watched ones whenever they change, too. */
  watch(): void {
    this.#sharing.watch((name) => this.#refreshSoon(name));
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#sharing.unwatch();
  }

  /** Looks at the shared files now, or once more when that is done already. */
  rescanSoon(): void {
    // One that is still to begin will see what is to be seen now.
    if (this.#due) return;
    this.#due = true;
    const { signal } = this.#lifetime;
    this.#afterOthers(() => {
      this.#due = false;
      return this.#sharing.rescan({ signal });
    });
  }

  #refreshSoon(name: string): void {
    const { signal } = this.#lifetime;
    this.#afterOthers(() => this.#sharing.refresh(name, signal));
  }

  #afterOthers(work: () => Promise<void>): void {
    this.#lifetime.inBackground(this.#mutex.run(work));
  }
}
