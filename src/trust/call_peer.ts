import { Fault } from "../fault.ts";
import { Caller, type CallerOptions } from "../wire/caller.ts";
import type { Address } from "../wire/connection.ts";
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
 * Opens a connection to a peer and has it prove its id. Returns that id. Throws a {@link WrongPeer} when
 * it proves nothing, or has the caller's own id; a `network` Fault when it can't be called; or the
 * signal's reason.
 */
export async function callPeer(
  address: Address,
  options: Omit<CallerOptions, "nonce">,
): Promise<{ caller: Caller; peer: string }> {
  const nonce = newNonce();
  const { caller, hello } = await Caller.open(address, PeerHello, { ...options, nonce });
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

/** Throws a {@link WrongPeer} unless `peer` is one of `expected`, or nobody in particular is. */
export function requirePeer(who: string, peer: string, expected: ReadonlySet<string>): void {
  if (expected.size === 0 || expected.has(peer)) return;
  const wanted = [...expected].map((id) => id.slice(0, 12)).join(" or ");
  throw new WrongPeer(`${who} is another peer, ${peer.slice(0, 12)} in place of ${wanted}`);
}
