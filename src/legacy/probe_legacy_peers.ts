import { Connection } from "../wire/connection.ts";
import type { LegacyPeer } from "./legacy_dialect.ts";
import type { LegacyRegistry } from "./legacy_registry.ts";

/** Connections that are tried at the same time. */
const CONCURRENCY = 64;
/** Time for a peer to accept a connection, in milliseconds. */
const PROBE_MS = 5_000;

/**
 * Connects to each legacy peer at the address that it registered from, since it sends no heartbeat.
 * One that doesn't accept is removed; it comes back by registering, which legacy peers do when they
 * start. Resolves when all were tried; rejects with the signal's reason.
 */
export async function probeLegacyPeers(
  registry: LegacyRegistry,
  signal?: AbortSignal,
): Promise<void> {
  const waiting = await registry.legacyPeers();
  const work = async () => {
    for (let peer = waiting.pop(); peer; peer = waiting.pop()) {
      if (await accepts(peer, signal)) await registry.legacyReached(peer);
      else await registry.forgetLegacy(peer);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
}

async function accepts({ address, port }: LegacyPeer, signal?: AbortSignal): Promise<boolean> {
  try {
    const connection = await Connection.open({ host: address, port }, { ms: PROBE_MS, signal });
    connection.close();
    return true;
  } catch {
    signal?.throwIfAborted();
    return false;
  }
}
