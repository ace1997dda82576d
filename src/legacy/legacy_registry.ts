import type { LegacyPeer } from "./legacy_dialect.ts";

/**
 * The part of a bootstrap's registry that concerns legacy peers. They prove neither an identity nor
 * that they are alive.
 */
export interface LegacyRegistry {
  /** Lists a legacy peer. Throws Refused `busy` where there are too many peers. */
  registerLegacy(peer: LegacyPeer): Promise<void>;
  /** Notes that the peer accepts connections. Does nothing if it isn't here. */
  legacyReached(peer: LegacyPeer): Promise<void>;
  /** Removes the peer. Does nothing if it isn't here. */
  forgetLegacy(peer: LegacyPeer): Promise<void>;
  /** Returns all legacy peers. */
  legacyPeers(): Promise<LegacyPeer[]>;
  /** Returns a part of all peers, legacy or not. */
  getPeers(cursor?: string): Promise<{ items: LegacyPeer[]; cursor?: string }>;
}
