import { Frame } from "../../wire/codec.ts";
import { PAYLOAD_CAP } from "../../wire/protocol.ts";
import { UPLOAD_SLOTS } from "../api/settings.ts";

/** Hosts without anything under way that are remembered for their turn. */
const REMEMBERED = 4_096;

/** The right to read and send one reply, and the memory for it. Disposing of it gives both back. */
export interface UploadSlot extends Disposable {
  /** A full payload fits. */
  readonly frame: Frame;
}

interface Host {
  name: string;
  /** Who of it waits, longest first: a connection each. */
  waiting: (() => void)[];
  held: number;
  /** Number of the last turn it got. */
  turn: number;
}

/**
 * Who may be sent something now. Hosts take turns: of those that wait, the one whose last turn is
 * longest ago is next; connections of one host share its turns. One host never has all slots, so that
 * one that reads slowly doesn't lock the others out. Memory is bounded by the slots, whoever waits.
 */
export class UploadSlots {
  readonly #hosts = new Map<string, Host>();
  readonly #waiting = new Set<Host>();
  readonly #frames: Frame[] = [];
  #slots: number;
  #held = 0;
  #turn = 0;

  constructor(slots: number = UPLOAD_SLOTS) {
    this.#slots = checked(slots);
  }

  /** How many there are. Fewer take effect as replies end. Throws a RangeError below 1. */
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

  /** Waits for a slot. Rejects with the signal's reason when it aborts before there is one. */
  take(host: string, signal?: AbortSignal): Promise<UploadSlot> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const entry = this.#host(host);
    if (this.#waiting.size === 0 && this.#mayHold(entry)) return Promise.resolve(this.#give(entry));
    return new Promise((resolve, reject) => {
      const abort = () => {
        entry.waiting = entry.waiting.filter((one) => one !== granted);
        if (entry.waiting.length === 0) this.#waiting.delete(entry);
        reject(signal!.reason);
      };
      const granted = () => {
        signal?.removeEventListener("abort", abort);
        resolve(this.#give(entry));
      };
      signal?.addEventListener("abort", abort, { once: true });
      entry.waiting.push(granted);
      this.#waiting.add(entry);
      this.#grant();
    });
  }

  #grant(): void {
    for (;;) {
      let next: Host | undefined;
      for (const host of this.#waiting) {
        if (this.#mayHold(host) && (!next || host.turn < next.turn)) next = host;
      }
      if (!next) return;
      const granted = next.waiting.shift()!;
      if (next.waiting.length === 0) this.#waiting.delete(next);
      granted();
    }
  }

  /** A quarter of the slots is never one host's. */
  #mayHold({ held }: Host): boolean {
    const each = Math.max(1, this.#slots - Math.ceil(this.#slots / 4));
    return this.#held < this.#slots && held < each;
  }

  #give(host: Host): UploadSlot {
    this.#held++;
    host.held++;
    host.turn = ++this.#turn;
    const frame = this.#frames.pop() ?? new Frame(PAYLOAD_CAP);
    let given = true;
    return {
      frame,
      [Symbol.dispose]: () => {
        if (!given) return;
        given = false;
        this.#held--;
        host.held--;
        if (this.#held + this.#frames.length < this.#slots) this.#frames.push(frame);
        this.#grant();
      },
    };
  }

  #host(name: string): Host {
    let host = this.#hosts.get(name);
    if (!host) {
      host = { name, waiting: [], held: 0, turn: 0 };
      this.#hosts.set(name, host);
      if (this.#hosts.size > REMEMBERED) this.#forgetIdle();
    }
    return host;
  }

  #forgetIdle(): void {
    for (const { name, held, waiting } of [...this.#hosts.values()].slice(0, -1)) {
      if (held === 0 && waiting.length === 0) this.#hosts.delete(name);
    }
  }
}

function checked(slots: number): number {
  if (Number.isSafeInteger(slots) && slots >= 1) return slots;
  throw new RangeError(`Cannot have ${slots} upload slots: it must be a whole number above 0`);
}
