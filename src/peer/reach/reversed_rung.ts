import { Connection } from "../../wire/connection.ts";
import { inTheClear, type Socket } from "../../wire/transport.ts";
import type { Introducer } from "./introducer.ts";
import type { ReversedCalls } from "./reversed_calls.ts";
import { type Attempt, attemptBy, type PeerPlace, type Rung, type RungOptions } from "./rung.ts";

/** The time before a peer is asked to call, in milliseconds: one that can be called mostly answers by then. */
const AFTER_MS = 250;

interface ReversedRungOptions {
  introducer: Introducer;
  calls: ReversedCalls;
  /** The port at which this peer listens, if need be from now on. */
  listen: () => number;
}

/** Has a peer call this one. */
export class ReversedRung implements Rung {
  readonly path = "reversed";
  readonly afterMs = AFTER_MS;
  readonly #options: ReversedRungOptions;

  constructor(options: ReversedRungOptions) {
    this.#options = options;
  }

  attempts(place: PeerPlace): Attempt[] | string {
    return attemptBy(this.path, place, (...called) => this.#open(...called));
  }

  #open(peer: string, options: RungOptions, where: string): Promise<Connection> {
    const { transport = inTheClear, peers } = options;
    const call = async (signal: AbortSignal) =>
      await transport.callOver(await this.#called(peer, signal), signal, peers);
    return Connection.over(call, where, options);
  }

  async #called(peer: string, signal: AbortSignal): Promise<Socket> {
    const { introducer, calls, listen } = this.#options;
    const ending = new AbortController();
    const either = AbortSignal.any([signal, ending.signal]);
    // By token: each bootstrap that is asked is told another.
    const expected: Promise<Socket>[] = [];
    try {
      await introducer.introduce(peer, "reverse", {
        lacking: "it does not call others",
        port: listen(),
        onToken: (token) => {
          const call = calls.expect(token, either);
          call.catch(() => {}); // until it is awaited below
          expected.push(call);
        },
        signal,
      });
      return await expected.at(-1)!;
    } finally {
      ending.abort();
    }
  }
}
