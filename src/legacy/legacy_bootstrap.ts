/** A peer's side of a bootstrap that speaks the legacy dialect alone. */
import type { Address } from "../wire/connection.ts";
import { askLegacy, type LegacyPeer, LegacyPeers, LegacyRegistered } from "./legacy_dialect.ts";

/**
 * True when a legacy bootstrap answers there; false for anything else. Throws an OtherSwarm where TLS
 * is spoken, or the signal's reason.
 */
export async function isLegacyBootstrap(
  address: Address,
  ms: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const { agent } = await askLegacy(address, { action: "get_peers" }, LegacyPeers, { ms, signal });
  // One of our own kind, which was too slow to say hello, must not pass for one without files.
  return agent === undefined;
}

/**
 * Returns all peers that it lists, and where it answered. Throws a `network` Fault, or the signal's
 * reason.
 */
export async function listLegacyPeers(
  address: Address,
  signal?: AbortSignal,
): Promise<{ peers: LegacyPeer[]; remote: Address }> {
  let remote = address;
  const request = (_local: Address, there: Address) => {
    remote = there;
    return { action: "get_peers" };
  };
  const { peers } = await askLegacy(address, request, LegacyPeers, { signal });
  return { peers, remote };
}

/**
 * Registers a peer that listens at `port`. In the legacy dialect a peer says itself where it is:
 * `advertise`, or the address that the connection goes out from. Returns what was said. Throws a
 * `network` Fault, or the signal's reason.
 */
export async function registerAtLegacy(
  address: Address,
  { port, advertise, signal }: { port: number; advertise?: Address; signal?: AbortSignal },
): Promise<Address> {
  let said: Address | undefined;
  const request = (local: Address) => {
    said = advertise ?? { host: local.host, port };
    return { action: "register", address: said.host, port: said.port };
  };
  await askLegacy(address, request, LegacyRegistered, { signal });
  return said!;
}
