import type { Connection } from "../wire/connection.ts";
import { LIST_CAP } from "../wire/protocol.ts";
import { Refused } from "../wire/answerer.ts";
import type { Servable } from "./servable.ts";

/** How long news are gathered before they are told, in milliseconds. */
export const NEWS_MS = 100;
/** Most files that one connection may be told of. */
const FILES_CAP = 64;

interface Subscription {
  content: Servable;
  /** Runs that were not told of yet. */
  news: Set<number>;
  stop: () => void;
}

/**
 * Tells one connection which runs its downloads get: at most every {@link NEWS_MS}, and never while
 * the notice before is still being sent, so that whoever doesn't read costs a set of numbers.
 */
export class HasNotices {
  readonly #connection: Connection;
  readonly #delayMs: number;
  readonly #subscriptions = new Map<string, Subscription>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sending = false;

  constructor(connection: Connection, delayMs: number = NEWS_MS) {
    this.#connection = connection;
    this.#delayMs = delayMs;
  }

  /** Tells of what is new from now on, until {@link stop}. Throws Refused when it is too much. */
  follow(content: Servable): void {
    const before = this.#subscriptions.get(content.id);
    if (!content.onRun || before?.content === content) return;
    before?.stop();
    if (!before && this.#subscriptions.size >= FILES_CAP) {
      throw new Refused("busy", `no more than ${FILES_CAP} files are told of at a time`);
    }
    const news = new Set<number>();
    const stop = content.onRun((run) => {
      news.add(run);
      this.#soon();
    });
    this.#subscriptions.set(content.id, { content, news, stop });
  }

  stop(): void {
    clearTimeout(this.#timer);
    for (const { stop } of this.#subscriptions.values()) stop();
    this.#subscriptions.clear();
  }

  #soon(): void {
    if (this.#sending) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#tell();
    }, this.#delayMs);
  }

  async #tell(): Promise<void> {
    this.#sending = true;
    try {
      for (const [file, { news }] of this.#subscriptions) {
        if (news.size === 0) continue;
        const runs = takeRanges(news);
        await this.#connection.send({ action: "has", file, runs });
      }
    } catch {
      // Whoever reads the connection learns why it is gone.
      this.stop();
    } finally {
      this.#sending = false;
    }
    if ([...this.#subscriptions.values()].some(({ news }) => news.size > 0)) this.#soon();
  }
}

/** Removes runs from a set, and returns them as pairs of first run and count. */
function takeRanges(news: Set<number>): [first: number, count: number][] {
  const ranges: [number, number][] = [];
  for (const run of [...news].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && last[0] + last[1] === run) last[1]++;
    else if (ranges.length < LIST_CAP) ranges.push([run, 1]);
    else break;
    news.delete(run);
  }
  return ranges;
}
