import type { Transport } from "../../wire/transport.ts";

/** The words of this peer about itself in `hello`, and the way it talks to others. */
export interface Self {
  agent: string;
  peer: string;
  /** Where it listens, if it does. */
  port?: number;
  /** Default in the clear. */
  transport?: Transport;
}
