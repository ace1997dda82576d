import type { PinnedTls } from "../../trust/tls/pinned_tls.ts";
import { inTheClear, type Transport } from "../../wire/transport.ts";
import type { Introducer } from "./introducer.ts";
import { meetAtRelay, relayOf } from "./meet.ts";
import { type Rung, rungById } from "./rung.ts";

/** The time before a relay is asked, in milliseconds: what costs no third one has been tried by then. */
const AFTER_MS = 800;

interface RelayedRungOptions {
  introducer: Introducer;
  /** TLS that is pinned to the id of the peer: a relay reads and changes nothing. */
  pinned: PinnedTls;
  /** The transport to bootstraps. Default in the clear. */
  swarm?: Transport;
}

/** Has a relay pass on what is said. */
export function relayedRung(
  { introducer, pinned, swarm = inTheClear }: RelayedRungOptions,
): Rung {
  return rungById("relayed", AFTER_MS, async (peer, { signal }) => {
    const lacking = "no bootstrap that both know is a relay (--relay)";
    const { token, ...told } = await introducer.introduce(peer, "relay", { lacking, signal });
    const meet = () => meetAtRelay(relayOf(told, swarm), token, { transport: swarm, signal });
    return await pinned.call(meet, [peer], signal);
  });
}
