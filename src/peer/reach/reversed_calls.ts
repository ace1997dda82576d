import * as v from "valibot";
import { abortable } from "../../async/retry.ts";
import type { Connection } from "../../wire/connection.ts";
import type { Message } from "../../wire/codec.ts";
import { Reversed } from "../../wire/protocol.ts";
import type { Socket } from "../../wire/transport.ts";

/** The calls that this peer expects from those which it asked to call. */
export class ReversedCalls {
  /** By token. */
  readonly #expected = new Map<string, (socket: Socket) => void>();

  /** Waits for the call with that token. Throws the signal's reason. */
  async expect(token: string, signal: AbortSignal): Promise<Socket> {
    const { promise, resolve } = Promise.withResolvers<Socket>();
    this.#expected.set(token, resolve);
    try {
      return await abortable(promise, signal);
    } finally {
      this.#expected.delete(token);
    }
  }

  /**
   * Takes a connection whose first message has an expected token; resolves when it is over. Undefined for
   * any other.
   */
  take(message: Message, connection: Connection): Promise<void> | undefined {
    const parsed = v.safeParse(Reversed, message);
    const taken = parsed.success && this.#expected.get(parsed.output.token);
    if (!taken) return;
    const over = Promise.withResolvers<void>();
    connection.closing.addEventListener("abort", () => over.resolve(), { once: true });
    taken(connection.detach());
    return over.promise;
  }
}
