import { Fault } from "../../fault.ts";
import type { Path } from "../api/path.ts";

/** A rung that did not lead to a peer. */
export interface FailedTry {
  path: Path;
  /** Undefined for a rung without an attempt. */
  where?: string;
  /** The reason, in words. */
  why: string;
}

const RUNGS: Record<Path, string> = {
  lan: "in this network",
  direct: "directly",
  reversed: "by having it call",
  punched: "by hole punching",
  relayed: "through a relay",
};

const NEXT =
  "forward or open a port for either peer (--advertise), or start a bootstrap of both with --relay";

/** The fault for a peer that no rung leads to: its message names each one and the reason. */
export class Unreached extends Fault {
  constructor(peer: string | undefined, tries: FailedTry[], cause?: unknown) {
    const who = peer === undefined ? "a peer" : `peer ${peer.slice(0, 12)}`;
    const byReason = Map.groupBy(tries, ({ why }) => why);
    const each = [...byReason].map(([why, same]) =>
      `${[...new Set(same.map(wordsOf))].join(", ")}: ${why}`
    );
    const next = tries.some(({ path }) => !isDialled(path)) ? NEXT : undefined;
    super("network", `Cannot reach ${who}: ${each.join("; ")}`, { cause, next });
  }
}

/** A way in words; the address matters only where it is dialled. */
function wordsOf({ path, where }: FailedTry): string {
  return isDialled(path) && where !== undefined ? `${RUNGS[path]} (${where})` : RUNGS[path];
}

function isDialled(path: Path): boolean {
  return path === "lan" || path === "direct";
}
