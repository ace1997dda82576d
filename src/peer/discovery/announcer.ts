import { Fault, messageOf } from "../../fault.ts";
import { delay } from "../../async/retry.ts";
import { type Caller, Refusal } from "../../wire/caller.ts";
import { Page } from "../../wire/page.ts";
import { type Announcement, type Holding, Ok } from "../../wire/protocol.ts";
import { retryAfter } from "./retry_after.ts";
import { Mutex } from "../../async/mutex.ts";

/** Announcements, as they come to hand. */
export type Announcements = AsyncIterable<Announcement> | Iterable<Announcement>;

/** Longest time that a bootstrap may ask to wait before it takes more, in milliseconds. */
const LONGEST_PAUSE_MS = 60_000;

/**
 * Tells one bootstrap, over one registered connection, what this peer has. What is asked for first is
 * sent first, so that a file which is withdrawn while all are being announced ends up withdrawn.
 */
export class Announcer {
  readonly #caller: Caller;
  readonly #onRefused: (why: string) => void;
  readonly #onBroken: (error: unknown) => void;
  readonly #random: () => number;
  readonly #stopped = new AbortController();
  readonly #sending = new Mutex();

  /**
   * `onRefused` hears why the bootstrap doesn't take something, such as a cap; others are taken still.
   * `onBroken` hears that nothing more can be told over this connection. `random` gives numbers from 0
   * (included) to 1 (excluded), by default Math.random.
   */
  constructor(
    caller: Caller,
    options: {
      onRefused: (why: string) => void;
      onBroken: (error: unknown) => void;
      random?: () => number;
    },
  ) {
    this.#caller = caller;
    this.#onRefused = options.onRefused;
    this.#onBroken = options.onBroken;
    this.#random = options.random ?? Math.random;
  }

  /** Tells nothing more. */
  stop(): void {
    this.#stopped.abort(new Fault("network", "the registration is over"));
  }

  /** Resolves when all were sent, or can't be. Never rejects. */
  announce(announcements: Announcements): Promise<void> {
    return this.#send("announce", announcements);
  }

  /** As {@link announce}. */
  withdraw(holdings: Iterable<Holding>): Promise<void> {
    return this.#send("withdraw", holdings);
  }

  #send(action: string, items: AsyncIterable<Holding> | Iterable<Holding>): Promise<void> {
    return this.#sending.run(async () => {
      try {
        let page = new Page<Holding>();
        for await (const item of items) {
          if (page.add(item)) continue;
          await this.#sendPage(action, page);
          page = new Page();
          page.add(item);
        }
        if (page.items.length > 0) await this.#sendPage(action, page);
      } catch (error) {
        this.#onBroken(error);
      }
    });
  }

  async #sendPage(action: string, { items }: Page<Holding>): Promise<void> {
    const payload = new TextEncoder().encode(JSON.stringify(items));
    for (;;) {
      try {
        return void await this.#caller.request({ action }, Ok, {}, payload);
      } catch (error) {
        if (!(error instanceof Refusal) || error.code === "not_registered") throw error;
        if (this.#caller.connection.closed) throw error;
        const pause = retryAfter(error, this.#random) ?? Infinity;
        if (pause > LONGEST_PAUSE_MS) return this.#onRefused(messageOf(error));
        await delay(pause, this.#stopped.signal);
      }
    }
  }
}
