import { Fault } from "../../fault.ts";
import { Connection } from "../../wire/connection.ts";
import { inTheClear, type Transport } from "../../wire/transport.ts";
import type { Introducer } from "./introducer.ts";
import { canChoosePort } from "./local_port.ts";
import { punch } from "./meet.ts";
import { type Attempt, attemptBy, type PeerPlace, type Rung, type RungOptions } from "./rung.ts";

/** The time before hole punching, in milliseconds: a peer that can call has by then. */
const AFTER_MS = 350;

/** Calls a peer while it calls this one, so that the routers of both let the other through. */
export class PunchedRung implements Rung {
  readonly path = "punched";
  readonly afterMs = AFTER_MS;
  readonly #introducer: Introducer;
  readonly #swarm: Transport;

  /** `swarm` is the transport to bootstraps. */
  constructor(introducer: Introducer, swarm: Transport = inTheClear) {
    this.#introducer = introducer;
    this.#swarm = swarm;
  }

  attempts(place: PeerPlace): Attempt[] | string {
    return attemptBy(this.path, place, (...called) => this.#open(...called));
  }

  #open(peer: string, options: RungOptions, where: string): Promise<Connection> {
    const { transport = inTheClear, peers } = options;
    return Connection.over(
      async (signal) => {
        if (!await canChoosePort()) {
          throw new Fault("network", "this runtime can't choose the port that it calls from");
        }
        const lacking = "it can't choose the port that it calls from";
        const { token, at } = await this.#introducer.introduce(peer, "punch", { lacking, signal });
        const socket = await punch(at, token, { transport: this.#swarm, signal });
        return await transport.callOver(socket, signal, peers);
      },
      where,
      options,
    );
  }
}
