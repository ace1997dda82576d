import { Fault } from "../fault.ts";
import { abortable } from "../async/retry.ts";
import { newNonce } from "../trust/nonce.ts";
import { type Challenge, verifyProof } from "../trust/proof.ts";
import { Caller } from "../wire/caller.ts";
import { type Address, Connection, formatAddress } from "../wire/connection.ts";
import { PeerHello, PROTOCOL_VERSION } from "../wire/protocol.ts";
import { CALL_BACK_MS } from "./limits.ts";
import { timeoutSignal } from "../async/deadline.ts";

/** Opens a connection to a peer; throws when that can't be done. */
export type Connect = (
  address: Address,
  options: { signal: AbortSignal; ms: number },
) => Promise<Connection>;

interface CallBackOptions {
  /** This bootstrap's agent. */
  agent: string;
  signal: AbortSignal;
  /** @default Connection.open */
  connect?: Connect;
  /** Time for all of it, in milliseconds. @default CALL_BACK_MS */
  ms?: number;
}

/**
 * Calls a peer that registered at `dialled`, this bootstrap's address as the peer has it, and has it
 * prove that it is the one with that id. Resolves when it did; throws a `network` Fault
 * that says why not, or the signal's own reason.
 */
export async function callBack(
  address: Address,
  { peer, dialled }: { peer: string; dialled: Address },
  { agent, signal, connect = Connection.open, ms = CALL_BACK_MS }: CallBackOptions,
): Promise<void> {
  const fault = new Fault("network", `${formatAddress(address)} did not answer in time`);
  using ends = timeoutSignal(ms, () => fault, { signal });
  using connection = await connect(address, { signal: ends.signal, ms });
  const nonce = newNonce();
  const challenge: Challenge = { nonce, bootstrap: dialled };
  const hello = { action: "hello", protocol: PROTOCOL_VERSION, agent, ...challenge };
  const { reply } = await abortable(new Caller(connection).request(hello, PeerHello), ends.signal);
  if (reply.peer !== peer || !await verifyProof(peer, challenge, reply)) {
    throw new Fault("network", `${connection} did not prove that it is that peer`);
  }
}
