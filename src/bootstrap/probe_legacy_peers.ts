import { Connection } from "../wire/connection.ts";
import type { LegacyAddress, Registry } from "./registry.ts";

/** Connections that are tried at the same time. */
const CONCURRENCY = 64;
/** Time for a peer to accept a connection, in milliseconds. */
const PROBE_MS = 5_000;

/**
 * Seed peers send no heartbeat, so a bootstrap connects to each now and then, at the address that it
 * registered from. One that doesn't accept
 * is forgotten; it comes back by registering, which seed peers do when they start. Resolves when all
 * were tried; rejects with the signal's reason.
 */
export async function probeLegacyPeers(registry: Registry, signal?: AbortSignal): Promise<void> {
  const waiting = await registry.seeds();
  const work = async () => {
    for (let seed = waiting.pop(); seed; seed = waiting.pop()) {
      if (await accepts(seed, signal)) await registry.legacyReached(seed);
      else await registry.forgetLegacy(seed);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
}

async function accepts({ address, port }: LegacyAddress, signal?: AbortSignal): Promise<boolean> {
  try {
    const connection = await Connection.open({ host: address, port }, { ms: PROBE_MS, signal });
    connection.close();
    return true;
  } catch {
    signal?.throwIfAborted();
    return false;
  }
}
