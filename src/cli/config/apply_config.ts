import type { Command } from "commander";
import { configPath } from "./config_path.ts";

/**
 * Gives those options of `shoal peer` or `shoal bootstrap` a value that have none but their default,
 * from the config file. To be called once the words and the environment were read.
 */
export async function applyConfig(command: Command): Promise<void> {
  const path = configPath(command.opts().config);
  if (path === undefined) return;
  if (!await Deno.lstat(path).catch(() => false)) return;
  // Most users have no such file, and needn't wait for its parser.
  const [{ readConfigFile }, { knownKeys }] = await Promise.all([
    import("./config_file.ts"),
    import("./config_keys.ts"),
  ]);
  const file = await readConfigFile(path, knownKeys());
  const values = command.name() === "bootstrap" ? file.bootstrap : file.peer;
  for (const [attribute, value] of values) {
    const source = command.getOptionValueSource(attribute);
    if (source === undefined || source === "default") {
      command.setOptionValueWithSource(attribute, value, "config");
    }
  }
}
