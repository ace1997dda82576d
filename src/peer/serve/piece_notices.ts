import type { Connection } from "../../wire/connection.ts";
import { LIST_CAP } from "../../wire/protocol.ts";
import { Refused } from "../../wire/answerer.ts";
import type { Servable } from "../../store/disk/servable.ts";

/** The time for which news are gathered before they are told, in milliseconds. */
const NEWS_MS = 25;
/** Most files that one connection may be told of. */
const FILES_CAP = 64;

interface Subscription {
  content: Servable;
  /** Runs that were not told of yet, by the notice that tells of them. */
  news: { has: Set<number>; taken: Set<number> };
  stop: () => void;
}

/**
 * Tells one connection which pieces this peer gets, and which ones others are sent: at most every
 * {@link NEWS_MS}, and never while the notice before is still being sent, so that a peer that doesn't read
 * costs a set of numbers.
 */
export class PieceNotices {
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
    if (before?.content === content) return;
    before?.stop();
    if (!before && this.#subscriptions.size >= FILES_CAP) {
      // Of what is whole, there is nothing that must be told.
      if (!content.map) return;
      throw new Refused("busy", `no more than ${FILES_CAP} files are told of at a time`);
    }
    const news = { has: new Set<number>(), taken: new Set<number>() };
    const stop = content.map?.onAdded((piece) => {
      news.has.add(piece);
      this.#soon();
    });
    this.#subscriptions.set(content.id, { content, news, stop: stop ?? (() => {}) });
  }

  /** Somebody else is sent a piece of a file, which is told where the file is followed. */
  taken(file: string, piece: number): void {
    const subscription = this.#subscriptions.get(file);
    if (!subscription) return;
    subscription.news.taken.add(piece);
    this.#soon();
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
        for (const action of ["has", "taken"] as const) {
          if (news[action].size === 0) continue;
          await this.#connection.send({ action, file, runs: takeRanges(news[action]) });
        }
      }
    } catch {
      // The reader of the connection learns why it is gone.
      this.stop();
    } finally {
      this.#sending = false;
    }
    const left = [...this.#subscriptions.values()]
      .some(({ news: { has, taken } }) => has.size + taken.size > 0);
    if (left) this.#soon();
  }
}

/** Removes pieces from a set, and returns them as pairs of first piece and count. */
function takeRanges(news: Set<number>): [first: number, count: number][] {
  const ranges: [number, number][] = [];
  for (const piece of [...news].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && last[0] + last[1] === piece) last[1]++;
    else if (ranges.length < LIST_CAP) ranges.push([piece, 1]);
    else break;
    news.delete(piece);
  }
  return ranges;
}
