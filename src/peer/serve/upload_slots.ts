import { deadline } from "../../async/deadline.ts";
import { Refused } from "../../wire/answerer.ts";
import { Frame } from "../../wire/codec.ts";
import { PAYLOAD_CAP } from "../../wire/protocol.ts";
import { UPLOAD_SLOTS } from "../api/settings.ts";

/**
 * The longest wait for a slot, in milliseconds: a caller gives a reply 20 s to begin, and an honest one
 * comes back when it is told to.
 */
const WAIT_MS = 15_000;
/** The time when a caller that waited for so long is asked to come back, in seconds. */
const COME_BACK_S = 10;
/** The interval at which it is looked for slots that are held by peers that don't read, in milliseconds. */
const LOOK_MS = 500;
/** A peer that read nothing for so long is slow, in milliseconds. */
const SLOW_MS = 2_000;
/** Hosts without anything under way that are remembered for their turn. */
const REMEMBERED = 4_096;

/** The right to read and send one reply, and the memory for it. Disposing of it gives both back. */
export interface UploadSlot extends Disposable {
  /** A full payload fits. */
  readonly frame: Frame;
}

/** The connection that a reply is sent on. */
interface Reader {
  /** For how long the other end has not read anything of what is being sent, in milliseconds. */
  readonly blockedMs: number;
  close(): void;
}

interface Held {
  host: Host;
  reader: Reader | undefined;
  /** The kind that it counts as: a slot, memory for a slow reader, or nothing, since that is being closed. */
  as: "slot" | "slow" | "closing";
}

interface Host {
  name: string;
  /** The connections of it that wait, longest first. */
  waiting: (() => void)[];
  held: number;
  /** Replies that it is slow to read. */
  slow: number;
  /** Number of the last turn it got. */
  turn: number;
}

/**
 * The right to be sent something. Hosts take turns: of those that wait, the one whose last turn is
 * longest ago is next; connections of one host share its turns. One host never has all slots. While
 * others wait, a peer that does not read loses its slot, but not the reply that is under way, unless its
 * host has a quarter as many of those as there are slots. Memory is bounded by twice the slots.
 */
export class UploadSlots {
  readonly #hosts = new Map<string, Host>();
  readonly #waiting = new Set<Host>();
  readonly #frames: Frame[] = [];
  readonly #given = new Set<Held>();
  #slots: number;
  #held = 0;
  #slow = 0;
  #looking: ReturnType<typeof setInterval> | undefined;
  #turn = 0;

  constructor(slots: number = UPLOAD_SLOTS) {
    this.#slots = checked(slots);
  }

  /** The number of slots. Fewer take effect as replies end. Throws a RangeError below 1. */
  get slots(): number {
    return this.#slots;
  }

  set slots(slots: number) {
    this.#slots = checked(slots);
    this.#frames.length = Math.min(this.#frames.length, this.#slots);
    this.#grant();
  }

  /** Slots that are held now. */
  get held(): number {
    return this.#held;
  }

  /**
   * Waits for a slot, to send a reply to `reader`. Rejects with the signal's reason when it aborts before
   * there is one, and with Refused when that takes too long.
   */
  take(host: string, signal?: AbortSignal, reader?: Reader): Promise<UploadSlot> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const entry = this.#host(host);
    if (this.#waiting.size === 0 && this.#mayHold(entry)) {
      return Promise.resolve(this.#give(entry, reader));
    }
    return new Promise((resolve, reject) => {
      const leave = (reason: unknown) => {
        late[Symbol.dispose]();
        signal?.removeEventListener("abort", abort);
        entry.waiting = entry.waiting.filter((one) => one !== granted);
        if (entry.waiting.length === 0) this.#noneWaits(entry);
        reject(reason);
      };
      const abort = () => leave(signal!.reason);
      const late = deadline(WAIT_MS, () => {
        leave(new Refused("busy", "too many others are being served", COME_BACK_S));
      });
      const granted = () => {
        late[Symbol.dispose]();
        signal?.removeEventListener("abort", abort);
        resolve(this.#give(entry, reader));
      };
      signal?.addEventListener("abort", abort, { once: true });
      entry.waiting.push(granted);
      this.#waiting.add(entry);
      this.#looking ??= setInterval(() => this.#look(), LOOK_MS);
      this.#grant();
    });
  }

  /** Frees the slots of peers that don't read, and closes the slowest where they are too many. */
  #look(): void {
    const blocked = [...this.#given].map((held) => ({ held, ms: held.reader?.blockedMs ?? 0 }))
      .filter(({ ms }) => ms >= SLOW_MS).sort((a, b) => b.ms - a.ms);
    for (const { held } of blocked) if (held.as === "slot") this.#count(held, "slow");
    // The one that has read nothing for longest goes first.
    for (const { held, held: { host, reader } } of blocked) {
      const tooMany = host.slow > Math.ceil(this.#slots / 4) || this.#slow > this.#slots;
      if (held.as !== "slow" || !tooMany) continue;
      this.#count(held, "closing");
      reader?.close();
    }
    this.#grant();
  }

  #noneWaits(host: Host): void {
    this.#waiting.delete(host);
    if (this.#waiting.size > 0) return;
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  #grant(): void {
    for (;;) {
      let next: Host | undefined;
      for (const host of this.#waiting) {
        if (this.#mayHold(host) && (!next || host.turn < next.turn)) next = host;
      }
      if (!next) return;
      const granted = next.waiting.shift()!;
      if (next.waiting.length === 0) this.#noneWaits(next);
      granted();
    }
  }

  /** A quarter of the slots is never one host's. */
  #mayHold({ held }: Host): boolean {
    const each = Math.max(1, this.#slots - Math.ceil(this.#slots / 4));
    return this.#held < this.#slots && held < each;
  }

  #give(host: Host, reader: Reader | undefined): UploadSlot {
    this.#held++;
    host.held++;
    host.turn = ++this.#turn;
    const frame = this.#frames.pop() ?? new Frame(PAYLOAD_CAP);
    const held: Held = { host, reader, as: "slot" };
    this.#given.add(held);
    return {
      frame,
      [Symbol.dispose]: () => {
        if (!this.#given.delete(held)) return;
        this.#count(held, "closing");
        if (this.#held + this.#frames.length < this.#slots) this.#frames.push(frame);
        this.#grant();
      },
    };
  }

  #count(held: Held, as: Held["as"]): void {
    const { host } = held;
    if (held.as === "slot") {
      this.#held--;
      host.held--;
    } else if (held.as === "slow") {
      this.#slow--;
      host.slow--;
    }
    if (as === "slow") {
      this.#slow++;
      host.slow++;
    }
    held.as = as;
  }

  #host(name: string): Host {
    let host = this.#hosts.get(name);
    if (!host) {
      host = { name, waiting: [], held: 0, slow: 0, turn: 0 };
      this.#hosts.set(name, host);
      if (this.#hosts.size > REMEMBERED) this.#forgetIdle();
    }
    return host;
  }

  #forgetIdle(): void {
    for (const { name, held, slow, waiting } of [...this.#hosts.values()].slice(0, -1)) {
      if (held + slow === 0 && waiting.length === 0) this.#hosts.delete(name);
    }
  }
}

function checked(slots: number): number {
  if (Number.isSafeInteger(slots) && slots >= 1) return slots;
  throw new RangeError(`Cannot have ${slots} upload slots: it must be a whole number above 0`);
}
