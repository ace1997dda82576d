import { Fault } from "../../fault.ts";
import { inTheClear, type Transport } from "../../wire/transport.ts";
import type { Introducer } from "./introducer.ts";
import { canChoosePort } from "./local_port.ts";
import { punch } from "./meet.ts";
import { type Rung, rungById } from "./rung.ts";

/** The time before hole punching, in milliseconds: a peer that can call has by then. */
const AFTER_MS = 350;

/**
 * Calls a peer while it calls this one, so that the routers of both let the other through. `swarm` is the
 * transport to bootstraps.
 */
export function punchedRung(introducer: Introducer, swarm: Transport = inTheClear): Rung {
  return rungById("punched", AFTER_MS, async (peer, { transport = inTheClear, peers, signal }) => {
    if (!await canChoosePort()) {
      throw new Fault("network", "this runtime can't choose the port that it calls from");
    }
    const lacking = "it can't choose the port that it calls from";
    const { token, at } = await introducer.introduce(peer, "punch", { lacking, signal });
    const socket = await punch(at, token, { transport: swarm, signal });
    return await transport.callOver(socket, signal, peers);
  });
}
