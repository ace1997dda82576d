import { delay } from "../async/retry.ts";
import { Mutex } from "../async/mutex.ts";
import { type HandoverOffer, SendingEnd, WRONG, WrongWords } from "./key_exchange.ts";
import type { OwnRoom } from "./room.ts";
import type { SendEvent } from "./send_event.ts";

/**
 * The wait before each verdict for every wrong try so far, in milliseconds, and at most: a room that is
 * full of guesses keeps an honest receiver for ten seconds.
 */
const WRONG_MS = 50;
const LONGEST_WRONG_MS = 150;
/** Wrong tries after which the code is given up: 1 in 8 million for three words. */
const MOST_WRONG = 1_000;
/** The same for a code of two words, of which there are only four million. */
const MOST_WRONG_SHORT = 10;

interface GuestBookOptions {
  /** The number of the rooms. */
  number: number;
  secret: string;
  offer: HandoverOffer;
  onEvent: (event: SendEvent) => void;
}

/** A guest in a room, and the exchanges that are under way there. */
interface Visit {
  room: OwnRoom;
  guest: number;
  ends: Map<number, SendingEnd>;
}

/**
 * The guests of a sender's rooms. Each gets one try; verdicts come one at a time, and later the more
 * tries were wrong, so that guessing is slow and its end is certain.
 */
export class GuestBook {
  readonly #options: GuestBookOptions;
  readonly #mostWrong: number;
  readonly #verdicts = new Mutex();
  #closed = false;
  /** Guests that had other words. */
  wrong = 0;
  /** Receivers that have the key. */
  met = 0;

  constructor(options: GuestBookOptions) {
    this.#options = options;
    const words = options.secret.split("-").length;
    this.#mostWrong = words === 2 ? MOST_WRONG_SHORT : MOST_WRONG;
  }

  /** True once too many tries were wrong: nobody gets the key any more. */
  get givenUp(): boolean {
    return this.wrong >= this.#mostWrong;
  }

  /** Lets nobody in any more. */
  close(): void {
    this.#closed = true;
  }

  /** Answers the guests of a room until the signal is aborted. Never rejects. */
  async meet(room: OwnRoom, signal: AbortSignal): Promise<void> {
    const ends = new Map<number, SendingEnd>();
    try {
      for await (const event of room.events(signal)) {
        const { guest } = event;
        if (guest === undefined) continue;
        if (event.action === "left") ends.delete(guest);
        else if (event.action === "guest") void this.#begin({ room, guest, ends }, event.blob);
        else void this.#answer({ room, guest, ends }, event.blob, signal);
      }
    } catch {
      // The room is another's: receivers that have the key go on, and no others come.
      this.close();
    }
  }

  async #begin(visit: Visit, blob: string): Promise<void> {
    const { room, guest, ends } = visit;
    if (this.#isFull()) return await room.dismiss(guest);
    const end = new SendingEnd(this.#options.number, this.#options.secret);
    ends.set(guest, end);
    try {
      await room.say(guest, await end.reply(blob));
    } catch (error) {
      await this.#turnAway(visit, error);
    }
  }

  async #answer(visit: Visit, blob: string, signal: AbortSignal): Promise<void> {
    const { room, guest, ends } = visit;
    const end = ends.get(guest);
    // Each has one try.
    ends.delete(guest);
    if (!end) return await room.dismiss(guest);
    await this.#verdicts.run(async () => {
      if (this.#isFull()) return await room.dismiss(guest);
      await delay(Math.min(WRONG_MS * this.wrong, LONGEST_WRONG_MS), signal);
      try {
        const said = await end.offer(blob, this.#options.offer);
        this.met++;
        await room.say(guest, said);
        this.#options.onEvent({ event: "met", receivers: this.met });
      } catch (error) {
        await this.#turnAway(visit, error);
      }
    }).catch(() => {});
  }

  async #turnAway({ room, guest, ends }: Visit, error: unknown): Promise<void> {
    ends.delete(guest);
    if (!(error instanceof WrongWords)) throw error;
    this.wrong++;
    this.#options.onEvent({ event: "wrong", tries: this.wrong });
    await room.say(guest, WRONG);
  }

  #isFull(): boolean {
    const { to = Infinity } = this.#options.offer;
    return this.#closed || this.givenUp || this.met >= to;
  }
}
