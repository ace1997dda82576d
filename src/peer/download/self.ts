import type { Transport } from "../../wire/transport.ts";

/** What this peer says of itself in `hello`, and how it talks to others. */
export interface Self {
  agent: string;
  peer: string;
  /** Where it listens, if it does. */
  port?: number;
  /** Default in the clear. */
  transport?: Transport;
}
