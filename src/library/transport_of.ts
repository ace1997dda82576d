import type { PrivateTransport } from "../trust/tls/private_transport.ts";

/**
 * The transport of a private swarm, by its key file; undefined for an open one. Throws a `usage` Fault.
 * The X.509 library takes longer to load than all the rest, so that is done only here.
 */
export async function transportOf(
  { swarmKey }: { swarmKey?: string },
): Promise<PrivateTransport | undefined> {
  if (swarmKey === undefined) return;
  const { openSwarm } = await import("../trust/tls/open_swarm.ts");
  return await openSwarm(swarmKey);
}
