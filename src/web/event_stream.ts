import { Fault } from "../fault.ts";
import type { Clock } from "../async/clock.ts";
import type { Seen, StatusFeed } from "./status_feed.ts";

/** Most pages that listen at a time. */
const LISTENERS_CAP = 32;
const HEARTBEAT = "event: heartbeat\ndata:\n\n";
/** The longest that nothing is said, in milliseconds: a third of what a page takes for a hung peer. */
const HEARTBEAT_MS = 1_000;

/**
 * Server-sent events: `change`, the status and then its changes, and `heartbeat` while nothing changes.
 * `Last-Event-ID` resumes where a connection broke off. The next event is made when the last one is
 * taken, so a slow listener holds one.
 */
export class EventStreams {
  readonly #feed: StatusFeed;
  readonly #clock: Clock;
  /** Tells the ids of this run of the peer from those of another. */
  readonly #run = crypto.randomUUID().slice(0, 8);
  #closed = false;

  constructor(feed: StatusFeed, clock: Clock) {
    this.#feed = feed;
    this.#clock = clock;
  }

  /**
   * Tells nothing more once `mayListen` is false. Throws a `network` Fault when too many listen already.
   */
  open(lastEventId?: string, mayListen: () => boolean = () => true): Response {
    if (this.#closed || this.#feed.listeners >= LISTENERS_CAP) {
      throw new Fault("network", `Cannot listen: ${LISTENERS_CAP} pages do already`);
    }
    const gone = new AbortController();
    const goesOn = () => !gone.signal.aborted && mayListen();
    const events = this.#events(this.#parse(lastEventId), goesOn);
    const encoder = new TextEncoder();
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { value, done } = await events.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
      cancel: () => {
        gone.abort();
        void events.return();
        // It may wait for a change: it ends when it wakes.
        this.#feed.wake();
      },
    }, { highWaterMark: 1 });
    return new Response(body, {
      headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
    });
  }

  /** Ends all of them. */
  close(): void {
    this.#closed = true;
    this.#feed.wake();
  }

  async *#events(
    seen: Seen | undefined,
    goesOn: () => boolean,
  ): AsyncGenerator<string, void> {
    const leave = await this.#feed.listen();
    try {
      // So that the headers leave at once.
      yield HEARTBEAT;
      while (!this.#closed && goesOn()) {
        const change = this.#feed.since(seen);
        if (!change) {
          const before = this.#clock.now();
          await this.#feed.changed(HEARTBEAT_MS);
          if (this.#clock.now() - before >= HEARTBEAT_MS && goesOn()) yield HEARTBEAT;
          continue;
        }
        const { seen: upTo, ...told } = change;
        seen = upTo;
        const id = `${this.#run}.${seen.version}.${seen.whole}`;
        yield `id: ${id}\nevent: change\ndata: ${JSON.stringify(told)}\n\n`;
      }
    } finally {
      leave();
    }
  }

  #parse(id?: string): Seen | undefined {
    const parts = /^([0-9a-f]{8})\.(\d{1,15})\.(\d{1,15})$/.exec(id ?? "");
    if (parts?.[1] !== this.#run) return;
    return { version: Number(parts[2]), whole: Number(parts[3]) };
  }
}
