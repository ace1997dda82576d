import type { StateDatabase } from "../../store/state/state_database.ts";
import { checkHashCache } from "./check_hash_cache.ts";
import { checkLimits, checkOpenFiles } from "./check_limits.ts";
import { checkPartials } from "./check_partials.ts";
import type { Finding } from "../api/finding.ts";
import type { LiveSettings } from "../api/peer_api.ts";

/** Checks that need the state database, so that only the owner of DIR can make them. */
export async function examineState(
  db: StateDatabase,
  settings: LiveSettings,
): Promise<Finding[]> {
  const partials = db.all<{ name: string; size: number; updated: number }>(
    "SELECT name, size, updated FROM downloads WHERE folder IS NULL",
  );
  return [
    ...await checkHashCache(db),
    checkPartials(partials, Date.now()),
    ...checkLimits(settings),
    ...await checkOpenFiles(),
  ];
}
