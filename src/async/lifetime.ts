import { getLogger } from "@logtape/logtape";
import { Fault, messageOf } from "../fault.ts";
import { anyOf } from "./any_of.ts";

const log = getLogger(["shoal", "peer"]);

/**
 * The lifetime of a peer: requests end with it at the latest, and its state stays open until then.
 */
export class Lifetime {
  readonly #closing = new AbortController();
  readonly #underWay = new Set<Promise<unknown>>();

  /** Aborted when the peer stops. */
  get signal(): AbortSignal {
    return this.#closing.signal;
  }

  /** Ends what is under way. */
  end(): void {
    this.#closing.abort(new Fault("network", "the peer is stopping"));
  }

  /** Resolves when all that was tracked has ended. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  /** A request ends with its own signal, and with the peer. */
  bound<Options extends { signal?: AbortSignal }>(
    options: Options,
  ): Options & { signal: AbortSignal } {
    return { ...options, signal: anyOf(options.signal, this.signal) };
  }

  /** Work that must have ended before the state is closed. */
  track<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work);
    const ended = () => void this.#underWay.delete(work);
    work.then(ended, ended);
    return work;
  }

  /** As {@link track}; what the end of the peer broke off says so. */
  async toItsEnd<T>(work: Promise<T>): Promise<T> {
    try {
      return await this.track(work);
    } catch (cause) {
      if (cause !== this.signal.reason) throw cause;
      throw new Fault("network", "Cannot go on: the peer is stopping", { cause });
    }
  }

  /** Tracks work that no caller waits for, as {@link track} does: its failure is logged. */
  inBackground(work: Promise<void>): void {
    this.track(work).catch((error) => {
      if (this.signal.aborted) return;
      log.error("{message}", { message: messageOf(error) });
    });
  }
}
