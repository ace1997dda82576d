import type { StateDatabase } from "../store/state_database.ts";
import { checkHashCache } from "./checks/check_hash_cache.ts";
import { checkLimits, checkOpenFiles } from "./checks/check_limits.ts";
import { checkPartials } from "./checks/check_partials.ts";
import type { Finding } from "./checks/finding.ts";
import type { LiveSettings } from "./peer_api.ts";

/** What only the owner of DIR can see. */
export async function examineState(
  db: StateDatabase,
  settings: LiveSettings,
): Promise<Finding[]> {
  const partials = db.all<{ size: number; updated: number }>("SELECT size, updated FROM downloads");
  return [
    ...await checkHashCache(db),
    checkPartials(partials, Date.now()),
    ...checkLimits(settings),
    ...await checkOpenFiles(),
  ];
}
