import type { Lifetime } from "../../async/lifetime.ts";
import type { Sharing } from "./sharing.ts";
import { onAnswer } from "../../store/disk/slow_disks.ts";
import { Mutex } from "../../async/mutex.ts";

/** Interval of looking at shared files, in milliseconds. */
const RESCAN_MS = 60_000;
/**
 * The rest after a look, in times of its own length: where there are many files, looks take 0.2 %
 * of a core.
 */
const REST = 500;
/** But no less often than this, in milliseconds. */
const LONGEST_MS = 15 * 60_000;

/** Has the shared files looked at while a peer serves, by one at a time. */
export class Rescanner {
  readonly #sharing: Sharing;
  readonly #lifetime: Lifetime;
  readonly #sweep: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #started = false;
  #stopHearing: (() => void) | undefined;
  readonly #mutex = new Mutex();
  #due = false;

  /** `sweep` is called after each look at all shares, to forget some of what is gone. */
  constructor(sharing: Sharing, lifetime: Lifetime, sweep: () => void) {
    this.#sweep = sweep;
    this.#sharing = sharing;
    this.#lifetime = lifetime;
  }

  /** Looks at all of them from now on: every 60 s, or less often where that takes long. */
  start(): void {
    this.#started = true;
    this.#stopHearing = onAnswer(() => this.rescanSoon());
    this.rescanSoon();
  }

  /** Looks at watched ones whenever they change, too. */
  watch(): void {
    this.#sharing.watch((name) => this.#refreshSoon(name));
  }

  stop(): void {
    this.#started = false;
    this.#stopHearing?.();
    clearTimeout(this.#timer);
    this.#sharing.unwatch();
  }

  /** Looks at the shared files now, or once more when that is done already. */
  rescanSoon(): void {
    // One that is still to begin will see what is to be seen now.
    if (this.#due) return;
    this.#due = true;
    const { signal } = this.#lifetime;
    this.#afterOthers(async () => {
      this.#due = false;
      let tookMs = 0;
      try {
        tookMs = await this.#sharing.rescan({ signal });
        this.#sweep();
      } finally {
        clearTimeout(this.#timer);
        const wait = Math.max(RESCAN_MS, Math.min(LONGEST_MS, tookMs * REST));
        if (this.#started) this.#timer = setTimeout(() => this.rescanSoon(), wait);
      }
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
