import { Fault } from "../fault.ts";
import { Caller, type CallerOptions } from "../wire/caller.ts";
import type { Connection, ConnectionOptions } from "../wire/connection.ts";
import { PeerHello } from "../wire/protocol.ts";
import { newNonce } from "./nonce.ts";
import { verifyProof } from "./proof.ts";

/** The fault for a callee that is not the peer that was called, or doesn't prove that it is. */
export class WrongPeer extends Fault {
  constructor(message: string) {
    super("network", message);
  }
}

/**
 * Says `hello` on a connection to a peer, and has it prove its id. Returns that id. Closes, and throws a
 * {@link WrongPeer}, when it proves nothing, or has the caller's own id; throws a `network` Fault when
 * it doesn't answer; or the signal's reason.
 */
export async function callPeer(
  connection: Connection,
  options: Omit<CallerOptions, "nonce" | keyof ConnectionOptions>,
): Promise<{ caller: Caller; peer: string }> {
  const nonce = newNonce();
  const { caller, hello } = await Caller.handshake(connection, PeerHello, { ...options, nonce });
  const { peer } = hello;
  const own = peer === options.peer;
  if (!own && await verifyProof(peer, { nonce, peer: options.peer }, hello)) {
    return { caller, peer };
  }
  const who = String(caller.connection);
  const fault = new WrongPeer(own ? `${who} is this peer itself` : `${who} does not prove its id`);
  caller.close(fault);
  throw fault;
}

/** Throws a {@link WrongPeer} unless `peer` is the expected one, where one is expected. */
export function requirePeer(who: string, peer: string, expected: string | undefined): void {
  if (expected === undefined || expected === peer) return;
  const [found, wanted] = [peer, expected].map((id) => id.slice(0, 12));
  throw new WrongPeer(`${who} is another peer, ${found} in place of ${wanted}`);
}
