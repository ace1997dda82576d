import { Fault, inQuotes, messageOf } from "../fault.ts";
import { newSwarmKey, rotateSwarmKey, type SwarmKey } from "../trust/swarm_key.ts";
import { readSwarmKey, writeSwarmKey } from "../trust/swarm_key_file.ts";
import { deriveSwarmSecrets } from "../trust/swarm_secrets.ts";
import { Output } from "./output/output.ts";
import type { NewKeyFlags } from "./args/bootstrap_options.ts";
import { formatTime } from "./output/units.ts";
import { absolutePath } from "../system/paths.ts";

/** Time for which a rotated key stays valid, by default, in seconds. */
const CARRIED_FOR = 7 * 86_400;

/** `shoal bootstrap new-key`: writes a swarm key, and says what the swarm is known by. */
export async function newKey(file: string, flags: NewKeyFlags): Promise<void> {
  if (flags.for !== undefined && flags.rotate === undefined) {
    throw new Fault("usage", "--for says how long an old key is good, so it needs --rotate");
  }
  const path = absolutePath(file);
  const key = flags.rotate === undefined
    ? newSwarmKey()
    : rotated(absolutePath(flags.rotate), flags.for ?? CARRIED_FOR);
  writeSwarmKey(path, key);
  const { fingerprint } = await deriveSwarmSecrets(key.secret);
  const carried = key.old.map(({ until }) => `  old key good until ${formatTime(until)}`).join("");
  await new Output().line(`${path}  private swarm ${fingerprint}${carried}`);
}

function rotated(path: string, seconds: number): SwarmKey {
  const old = readSwarmKey(path);
  const now = Date.now();
  try {
    return rotateSwarmKey(old, { until: now + seconds * 1000, now });
  } catch (cause) {
    throw new Fault("usage", `Cannot rotate swarm key ${inQuotes(path)}: ${messageOf(cause)}`, {
      cause,
    });
  }
}
