import { CallBacks } from "../../../src/bootstrap/call_backs.ts";
import { Introductions } from "../../../src/bootstrap/introductions.ts";
import { MemoryRegistry } from "../../../src/bootstrap/memory_registry.ts";
import { OwnAddresses } from "../../../src/bootstrap/own_addresses.ts";
import { Quota } from "../../../src/bootstrap/quota.ts";
import { RateLimits } from "../../../src/bootstrap/rate_limits.ts";
import { ReplyFrames } from "../../../src/bootstrap/reply_frames.ts";
import { Session, type SessionOptions } from "../../../src/bootstrap/session.ts";
import { Meetings } from "../../../src/meet/meetings.ts";
import { Relay } from "../../../src/meet/relay.ts";
import { FairQueue } from "../../../src/async/fair_queue.ts";
import { Connection } from "../../../src/wire/connection.ts";
import { concat } from "../../support/bytes.ts";
import { isAllowed } from "../allow.ts";
import { Rooms } from "../../../src/bootstrap/rooms.ts";
import { BOOTSTRAP_REQUESTS, LEGACY_MESSAGES, PAYLOADS } from "../samples.ts";
import { scriptedConn, seedOf } from "../scripted_conn.ts";
import type { Target } from "../target.ts";
import { bytesOf, linesOf } from "../text.ts";

const registry = new MemoryRegistry();
const unlimited = { rate: 1e9, burst: 1e9 };
const any = { perAddress: unlimited, total: unlimited };
const options: SessionOptions = {
  ...{ registry, agent: "fuzz/1", speakers: new Map() },
  callBacks: new CallBacks({ registry, call: () => Promise.reject(new Error("nobody is there")) }),
  rates: new RateLimits({
    rates: {
      connect: any,
      ask: any,
      list: any,
      register: any,
      announce: any,
      reach: any,
      enter: any,
    },
  }),
  payloads: new Quota({ what: "bytes", perAddress: 1 << 30, total: 1 << 30, retryAfter: 1 }),
  own: new OwnAddresses(),
  fairQueue: new FairQueue(),
  frames: new ReplyFrames(),
  introductions: new Introductions(["reverse", "punch", "relay"]),
  punches: new Meetings({ ms: 1 }),
  relays: new Set(),
  relay: new Relay({ rate: 1e9, ms: 1 }),
  rooms: new Rooms(),
};

const [hello, register, ...rest] = BOOTSTRAP_REQUESTS;
const asking = rest.filter(({ action }) => action !== "announce" && action !== "withdraw");
const telling = PAYLOADS.map((payload, id) => {
  const bytes = bytesOf(JSON.stringify(payload));
  return concat([linesOf({ action: "announce", id, payload: bytes.length }), bytes]);
});

/** A whole conversation with a bootstrap, cut in pieces anywhere. */
export const bootstrapCallee: Target = {
  name: "bootstrap_callee",
  weight: 14,
  seeds: [
    linesOf(hello, ...asking),
    linesOf(hello, register, ...rest),
    concat([linesOf(hello), ...telling]),
    ...LEGACY_MESSAGES.map((message) => linesOf(message, message)),
  ],
  async run(input) {
    using connection = new Connection(scriptedConn(input, { seed: seedOf(input) }));
    const session = new Session(connection, options);
    try {
      await session.run();
    } catch (error) {
      if (!isAllowed(error, ["network"])) throw error;
    }
  },
};
