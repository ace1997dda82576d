/**
 * Opens a connection to a peer by the first rung that leads to it. Attempts overlap: the next one
 * begins when those before it have failed, or none of them was connected for a while (RFC 8305). A
 * connection counts once its other end has proven to be the wanted peer.
 */
import { Condition } from "../../async/condition.ts";
import { messageOf } from "../../fault.ts";
import { callPeer, requirePeer, WrongPeer } from "../../trust/call_peer.ts";
import { type Caller, type CallerOptions, Refusal } from "../../wire/caller.ts";
import { isBetter, type Path } from "../api/path.ts";
import { DirectRung } from "./direct_rung.ts";
import type { Attempt, PeerPlace, Rung } from "./rung.ts";
import { type FailedTry, Unreached } from "./unreached.ts";

/**
 * Time for which an attempt is made alone before the next one is made too, in milliseconds (RFC
 * 8305, section 5).
 */
const NEXT_MS = 250;
/** The time for a peer that was connected to prove its id before the next attempt, in milliseconds. */
const PROOF_MS = 1_500;
/** Most attempts for one peer at one rung. */
const MOST_ATTEMPTS = 8;

/** A connection to a peer that has proven its id. */
export interface Reached {
  caller: Caller;
  peer: string;
  path: Path;
  /** The other end, for messages. */
  where: string;
}

export interface ReachOptions extends Omit<CallerOptions, "nonce" | "peers"> {
  signal: AbortSignal;
}

interface Step {
  attempt: Attempt;
  /** The time before it, from the beginning, in milliseconds. */
  afterMs: number;
}

export class Ladder {
  readonly #rungs: Rung[];

  /** `rungs` are in the order in which they are tried. */
  constructor(rungs: Rung[] = [new DirectRung()]) {
    this.#rungs = rungs;
  }

  /**
   * Reaches a peer. Throws the Refusal of a peer that was reached and refused; a WrongPeer when
   * others were found in its place; an {@link Unreached}, or the only attempt's own Fault, when
   * nothing answers; or the signal's reason. `onConnected` is called for the first attempt that is
   * connected: what is requested there may fail although another attempt succeeds.
   */
  async reach(place: PeerPlace, options: ReachOptions): Promise<Reached> {
    const { steps, without } = this.#steps(place);
    return await new Race(place, options).run(steps, without);
  }

  /** As {@link reach}, by a path that is better than one that is known already. */
  async reachBetter(place: PeerPlace, than: Path, options: ReachOptions): Promise<Reached> {
    const { steps, without } = this.#steps(place);
    const better = steps.filter(({ attempt }) => isBetter(attempt.path, than));
    return await new Race(place, options).run(better, without);
  }

  #steps(place: PeerPlace): { steps: Step[]; without: FailedTry[] } {
    const steps: Step[] = [];
    const without: FailedTry[] = [];
    for (const rung of this.#rungs) {
      const found = rung.attempts(place);
      if (typeof found === "string") {
        without.push({ path: rung.path, why: found });
        continue;
      }
      for (const [i, attempt] of found.slice(0, MOST_ATTEMPTS).entries()) {
        steps.push({ attempt, afterMs: rung.afterMs + i * NEXT_MS });
      }
    }
    return { steps: steps.toSorted((a, b) => a.afterMs - b.afterMs), without };
  }
}

/** The attempts to reach one peer. */
class Race {
  readonly #place: PeerPlace;
  readonly #options: ReachOptions;
  readonly #ending = new AbortController();
  readonly #signal: AbortSignal;
  readonly #changed = new Condition();
  readonly #failures: { attempt: Attempt; error: unknown }[] = [];
  /** Attempts that have not failed. */
  #running = 0;
  #reached: Reached | undefined;
  /** The time until which the next attempt waits for one that is connected. */
  #proofDue = 0;
  #told = false;

  constructor(place: PeerPlace, options: ReachOptions) {
    this.#place = place;
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#ending.signal]);
  }

  async run(steps: Step[], without: FailedTry[]): Promise<Reached> {
    const { signal } = this.#options;
    const begun = performance.now();
    try {
      for (const { attempt, afterMs } of steps) {
        const earliest = begun + afterMs;
        await this.#until(() => this.#running > 0 ? Math.max(earliest, this.#proofDue) : 0);
        if (this.#isOver) break;
        this.#running++;
        void this.#try(attempt);
      }
      await this.#until(() => this.#running > 0 ? Infinity : 0);
      signal.throwIfAborted();
      if (this.#reached) return this.#reached;
      throw this.#failure(without);
    } finally {
      this.#ending.abort();
    }
  }

  get #isOver(): boolean {
    return this.#reached !== undefined || this.#signal.aborted || this.#refusal !== undefined;
  }

  get #refusal(): unknown {
    return this.#failures.find(({ error }) => error instanceof Refusal)?.error;
  }

  /** Waits until that time, as it is after each change, or until the race is over. */
  async #until(time: () => number): Promise<void> {
    while (!this.#isOver) {
      const left = time() - performance.now();
      if (left <= 0) return;
      await this.#changed.waitFor(left, this.#signal).catch(() => {});
    }
  }

  async #try(attempt: Attempt): Promise<void> {
    const { onConnected, agent, peer: own, port, further, ...rest } = this.#options;
    const { peer: expected } = this.#place;
    try {
      const peers = new Set(expected === undefined ? [] : [expected]);
      const connection = await attempt.open({ ...rest, port, peers, signal: this.#signal });
      this.#proofDue = performance.now() + PROOF_MS;
      const { caller, peer } = await callPeer(connection, {
        agent,
        peer: own,
        port,
        signal: this.#signal,
        further,
        onConnected: (caller) => {
          if (!this.#told) onConnected?.(caller);
          this.#told = true;
        },
      });
      try {
        requirePeer(String(connection), peer, expected);
      } catch (error) {
        caller.close();
        throw error;
      }
      // Another may have been quicker by a moment.
      if (this.#isOver) caller.close();
      else this.#reached = { caller, peer, path: attempt.path, where: attempt.where };
    } catch (error) {
      if (!this.#signal.aborted) this.#failures.push({ attempt, error });
      this.#proofDue = 0;
    } finally {
      this.#running--;
      this.#changed.notifyAll();
    }
  }

  #failure(without: FailedTry[]): unknown {
    const errors = this.#failures.map(({ error }) => error);
    if (this.#refusal !== undefined) return this.#refusal;
    const isWrong = errors.length > 0 && errors.every((error) => error instanceof WrongPeer);
    if (isWrong || errors.length === 1 && without.length === 0) return errors[0];
    const tries = this.#failures.map(({ attempt: { path, where }, error }) => ({
      path,
      where,
      why: messageOf(error).replace(`Cannot connect to ${where}: `, ""),
    }));
    return new Unreached(this.#place.peer, [...tries, ...without], errors[0]);
  }
}
