import type { PeerEvent } from "../api/event_api.ts";

/** Most events that wait for a slow listener; then the oldest are dropped and counted. */
const WAITING_CAP = 1_000;

/** The events of a peer, handed to all listeners. Without listeners nothing is kept. */
export class PeerEvents {
  readonly #listeners = new Set<(event: PeerEvent) => void>();

  /** Hands an event to all listeners. */
  emit(event: PeerEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /**
   * Yields the events from now on, also those between two steps of its reader, until the signal aborts.
   * Listening begins with this call, not with the first step.
   */
  listen(signal: AbortSignal): AsyncGenerator<PeerEvent, void> {
    const waiting: PeerEvent[] = [];
    let missed = 0;
    let wake = () => {};
    const listener = (event: PeerEvent) => {
      waiting.push(event);
      if (waiting.length > WAITING_CAP) {
        waiting.shift();
        missed++;
      }
      wake();
    };
    this.#listeners.add(listener);
    const leave = () => {
      this.#listeners.delete(listener);
      wake();
    };
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    const listeners = this.#listeners;
    const events = async function* (): AsyncGenerator<PeerEvent, void> {
      try {
        for (;;) {
          if (missed > 0) {
            const count = missed;
            missed = 0;
            yield { event: "missed", count };
          }
          const event = waiting.shift();
          if (event) yield event;
          else if (!listeners.has(listener)) return;
          else await new Promise<void>((resolve) => wake = resolve);
        }
      } finally {
        leave();
        signal.removeEventListener("abort", leave);
      }
    };
    const generator = events();
    const end = generator.return.bind(generator);
    // A reader that stops while it waits would wait for the next event otherwise.
    generator.return = (value) => {
      leave();
      return end(value);
    };
    return generator;
  }
}
