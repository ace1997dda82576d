import { getLogger } from "@logtape/logtape";
import { messageOf } from "../../fault.ts";
import type { Origin } from "../../peer/api/config.ts";
import { readConfigFile } from "./config_file.ts";
import { knownKeys } from "./config_keys.ts";
import { configPath } from "./config_path.ts";
import { startLogging } from "./logging.ts";
import type { BootstrapFlags } from "../args/bootstrap_options.ts";

const log = getLogger(["shoal", "bootstrap"]);

/**
 * Options that a running bootstrap can change; one at another address would be another bootstrap.
 */
const LIVE = ["logLevel", "logFormat"];

/**
 * Reads the config file again and puts into force what it says of logs, unless a flag or the
 * environment says otherwise. `flags` are what the bootstrap was started with, and `origins` say where
 * from. What is wrong with the file is logged, and changes nothing. Never rejects.
 */
export async function reloadBootstrap(
  flags: BootstrapFlags,
  origins: Record<string, Origin>,
): Promise<void> {
  const path = configPath(flags.config);
  if (path === undefined) return;
  try {
    const keys = knownKeys();
    const { bootstrap: file } = await readConfigFile(path, keys);
    const wanted: BootstrapFlags = { ...flags };
    const restart: string[] = [];
    for (const { name, attribute, default: otherwise } of keys.bootstrap) {
      if (origins[attribute] === "flag" || origins[attribute] === "environment") continue;
      Reflect.set(wanted, attribute, file.has(attribute) ? file.get(attribute) : otherwise);
      const changed = Reflect.get(wanted, attribute) !== Reflect.get(flags, attribute);
      if (changed && !LIVE.includes(attribute)) restart.push(name);
    }
    await startLogging(wanted, "info");
    log.info("{path} was read again", { path });
    for (const key of restart) log.warn("{key} holds after a restart", { key });
  } catch (error) {
    log.error("{message}", { message: messageOf(error) });
  }
}
