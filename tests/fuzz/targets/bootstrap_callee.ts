import { MemoryRegistry } from "../../../src/bootstrap/memory_registry.ts";
import { Session } from "../../../src/bootstrap/session.ts";
import { Connection } from "../../../src/wire/connection.ts";
import { concat } from "../../support/bytes.ts";
import { isAllowed } from "../allow.ts";
import { BOOTSTRAP_REQUESTS, PAYLOADS, SEED_MESSAGES } from "../samples.ts";
import { scriptedConn, seedOf } from "../scripted_conn.ts";
import type { Target } from "../target.ts";
import { bytesOf, linesOf } from "../text.ts";

const registry = new MemoryRegistry();
const speakers = new Map<string, Session>();

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
    ...SEED_MESSAGES.map((message) => linesOf(message, message)),
  ],
  async run(input) {
    using connection = new Connection(scriptedConn(input, { seed: seedOf(input) }));
    const session = new Session(connection, { registry, agent: "fuzz/1", speakers });
    try {
      await session.run();
    } catch (error) {
      if (!isAllowed(error, ["network"])) throw error;
    }
  },
};
