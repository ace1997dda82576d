import { Fault, messageOf } from "../../fault.ts";
import { delay } from "../../async/retry.ts";
import { type Caller, Refusal } from "../../wire/caller.ts";
import { Batch } from "../../wire/batch.ts";
import { type Announcement, type Holding, Ok } from "../../wire/protocol.ts";
import { retryAfter } from "./retry_after.ts";
import { Mutex } from "../../async/mutex.ts";

/** Announcements, as they come to hand. */
export type AnnouncementList = AsyncIterable<Announcement> | Iterable<Announcement>;

/**
 * Longest pause for which everything else waits too, in milliseconds. After a longer one, the names that
 * the bootstrap had no room for are announced again; meanwhile others are announced and withdrawn.
 */
const LONGEST_PAUSE_MS = 60_000;
/** The pause after a refusal that names none, in milliseconds. */
const UNTOLD_PAUSE_MS = 300_000;

export interface AnnouncerOptions {
  /** Everything that this peer has, at the time of the call. */
  all: () => AnnouncementList;
  /** Hears why the bootstrap doesn't take some names, such as a cap; undefined once it took them. */
  onRefused: (why: string | undefined) => void;
  /** Hears that nothing more can be told over this connection. */
  onBroken: (error: unknown) => void;
  /** From 0 (included) to 1 (excluded). @default Math.random */
  random?: () => number;
  /** @default LONGEST_PAUSE_MS */
  longestPauseMs?: number;
}

/**
 * Tells one bootstrap, over one registered connection, this peer's contents. What is asked for
 * first is sent first, so that a file which is withdrawn while all are being announced ends up
 * withdrawn. A bootstrap that asks to wait is told later, however late that is.
 */
export class Announcer {
  readonly #caller: Caller;
  readonly #options: AnnouncerOptions;
  readonly #random: () => number;
  readonly #stopped = new AbortController();
  readonly #sending = new Mutex();
  /** Names that the bootstrap had no room for, and that are announced again. */
  #refused = new Set<string>();

  constructor(caller: Caller, options: AnnouncerOptions) {
    this.#caller = caller;
    this.#options = options;
    this.#random = options.random ?? Math.random;
  }

  /** Tells nothing more. */
  stop(): void {
    this.#stopped.abort(new Fault("network", "the registration is over"));
  }

  /** Resolves when all were sent, or can't be. Never rejects. */
  announce(announcements: AnnouncementList): Promise<void> {
    return this.#send("announce", announcements);
  }

  /** Withdraws; resolves as {@link announce} does. */
  withdraw(holdings: Iterable<Holding>): Promise<void> {
    return this.#send("withdraw", holdings);
  }

  #send(action: string, items: AsyncIterable<Holding> | Iterable<Holding>): Promise<void> {
    return this.#sending.run(async () => {
      try {
        let batch = new Batch<Holding>();
        for await (const item of items) {
          if (batch.add(item)) continue;
          await this.#sendBatch(action, batch);
          batch = new Batch();
          batch.add(item);
        }
        if (batch.items.length > 0) await this.#sendBatch(action, batch);
      } catch (error) {
        this.#options.onBroken(error);
      }
    });
  }

  async #sendBatch(action: string, { items }: Batch<Holding>): Promise<void> {
    const payload = new TextEncoder().encode(JSON.stringify(items));
    for (;;) {
      try {
        return void await this.#caller.request({ action }, Ok, {}, payload);
      } catch (error) {
        if (!(error instanceof Refusal) || error.code === "not_registered") throw error;
        if (this.#caller.connection.closed) throw error;
        if (error.code !== "busy") return this.#options.onRefused(messageOf(error));
        const pause = retryAfter(error, this.#random) || UNTOLD_PAUSE_MS;
        const { longestPauseMs = LONGEST_PAUSE_MS } = this.#options;
        if (pause > longestPauseMs) return this.#postpone(items, pause, messageOf(error));
        await delay(pause, this.#stopped.signal);
      }
    }
  }

  /** Announces these names again after the pause, as far as this peer still has them. */
  #postpone(items: Holding[], pause: number, why: string): void {
    this.#options.onRefused(why);
    const isPending = this.#refused.size > 0;
    for (const { name } of items) this.#refused.add(name);
    if (!isPending) void delay(pause, this.#stopped.signal).then(() => this.#again(), () => {});
  }

  async #again(): Promise<void> {
    const names = this.#refused;
    this.#refused = new Set();
    const { all, onRefused } = this.#options;
    await this.announce(only(all(), names));
    if (this.#refused.size === 0 && !this.#stopped.signal.aborted) onRefused(undefined);
  }
}

async function* only(announcements: AnnouncementList, names: Set<string>) {
  for await (const one of announcements) if (names.has(one.name)) yield one;
}
