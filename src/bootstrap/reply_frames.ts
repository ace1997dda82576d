import { Frame } from "../wire/codec.ts";
import { PAYLOAD_CAP } from "../wire/protocol.ts";
import { MAX_LISTS, MAX_LISTS_PER_ADDRESS } from "./limits.ts";
import { Quota } from "./quota.ts";

/** Bytes for the line before a list: the longest has a cursor, which JSON may write sixfold. */
const HEADROOM = 16_384;
/** The retry-after for a caller whose list has to wait for another's, in seconds. */
const RETRY_S = 1;

/**
 * Buffers that lists are sent from. They are used over and over: what is made anew for each list and
 * thrown away, the system's allocator would not all give back.
 */
export class ReplyFrames {
  readonly #free: Frame[] = [];
  readonly #quota = new Quota({
    what: "lists under way",
    perAddress: MAX_LISTS_PER_ADDRESS,
    total: MAX_LISTS,
    retryAfter: RETRY_S,
  });

  /** A frame, and what to call when it isn't needed any more. Throws a Refused `busy`. */
  take(host: string): { frame: Frame; release: () => void } {
    this.#quota.add(host);
    const frame = this.#free.pop() ?? new Frame(PAYLOAD_CAP, HEADROOM);
    const release = () => {
      this.#quota.remove(host);
      this.#free.push(frame);
    };
    return { frame, release };
  }
}
