/**
 * The path by which a peer was reached: in the same network, at an address of its own, by having it
 * call, by hole punching, or through a relay.
 */
export type Path = "lan" | "direct" | "reversed" | "punched" | "relayed";
export const PATHS = [
  "lan",
  "direct",
  "reversed",
  "punched",
  "relayed",
] as const satisfies readonly Path[];

/** True for a path that costs others less, or is no slower for sure. */
export function isBetter(path: Path, than: Path): boolean {
  return PATHS.indexOf(path) < PATHS.indexOf(than);
}
