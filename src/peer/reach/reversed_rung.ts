import { inTheClear, type Socket } from "../../wire/transport.ts";
import type { Introducer } from "./introducer.ts";
import type { ReversedCalls } from "./reversed_calls.ts";
import { type Rung, rungById } from "./rung.ts";

/** The time before a peer is asked to call, in milliseconds: one that can be called mostly answers by then. */
const AFTER_MS = 250;

interface ReversedRungOptions {
  introducer: Introducer;
  calls: ReversedCalls;
  /** The port at which this peer listens, if need be from now on. */
  listen: () => number;
}

/** Has a peer call this one. */
export function reversedRung({ introducer, calls, listen }: ReversedRungOptions): Rung {
  const called = async (peer: string, signal: AbortSignal): Promise<Socket> => {
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
  };
  return rungById("reversed", AFTER_MS, async (peer, { transport = inTheClear, peers, signal }) => {
    return await transport.callOver(await called(peer, signal), signal, peers);
  });
}
