import { PIECE_CHUNKS } from "../../content/piece_map.ts";
import { CHUNK_SIZE } from "../../content/sizes.ts";
import { PROGRESS_MS } from "../../wire/protocol.ts";
import type { LiveSettings } from "../api/peer_api.ts";
import { type Finding, ok, warning } from "../api/finding.ts";

/** Below this rate, in bytes per second, a piece takes so long that its requesters give up. */
const SLOW = PIECE_CHUNKS * CHUNK_SIZE / (PROGRESS_MS / 1000);
/** Open files and connections that a peer may come to have: see peer/serve/listener.ts. */
const OPEN_FILES = 1_200;

/** Warns of limits that are lower than the user will have meant. */
export function checkLimits({ limit_up, limit_down, upload_slots }: LiveSettings): Finding[] {
  const slow = [["--limit-up", limit_up], ["--limit-down", limit_down]] as const;
  const findings = slow.filter(([, rate]) => rate !== null && rate < SLOW).map(([name, rate]) =>
    warning("limits", `${name} is ${rate} bytes per second`, "write K, M or G behind the number")
  );
  if (findings.length > 0) return findings;
  const shown = slow.map(([name, rate]) => `${name} ${rate ?? "none"}`);
  return [ok("limits", [...shown, `--upload-slots ${upload_slots}`].join(", "))];
}

/**
 * Checks how many files and connections this process may have open, where it can find out: with
 * narrow permissions, the runtime keeps it from reading /proc.
 */
export async function checkOpenFiles(path = "/proc/self/limits"): Promise<Finding[]> {
  const text = await Deno.readTextFile(path).catch(() => "");
  const soft = text.match(/^Max open files\s+(\d+|unlimited)/m)?.[1];
  if (soft === undefined) return [];
  const message = `up to ${soft} open files`;
  if (soft === "unlimited" || Number(soft) >= OPEN_FILES) return [ok("open files", message)];
  return [warning("open files", message, "raise it: ulimit -n 65536, LimitNOFILE= in a unit")];
}
