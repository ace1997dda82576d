/**
 * The path by which a peer was reached: in the same network, at an address of its own, at a port that
 * its router opened for it, by having it call, by hole punching, or through a relay.
 */
export const PATHS = ["lan", "direct", "mapped", "reversed", "punched", "relayed"] as const;
export type Path = typeof PATHS[number];
