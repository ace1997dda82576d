import { type Address, formatAddress } from "../../wire/address.ts";
import type { Origin } from "../../peer/api/config.ts";
import { knownKeys } from "./config_keys.ts";
import { readConfigFile } from "./config_file.ts";
import { requireConfigPath } from "./config_path.ts";
import { type PeerFlags, settingsOf } from "../args/options.ts";
import { Output } from "../output/output.ts";
import { formatTable } from "../output/table.ts";

/** `shoal peer config path`: where the config file is, or would be; with `--json` as `{"path"}`. */
export async function showConfigPath(flags: PeerFlags): Promise<void> {
  const output = new Output(flags);
  const path = requireConfigPath(flags.config);
  if (output.json) await output.value({ path });
  else await output.line(path);
}

/**
 * `shoal peer config show`: each value with where it comes from; with `--json` as
 * `{"path", "exists", "values": {KEY: {"value", "origin"}}}`.
 */
export async function showConfig(
  flags: PeerFlags,
  origins: Record<string, Origin>,
): Promise<void> {
  const output = new Output(flags);
  const path = requireConfigPath(flags.config);
  const keys = knownKeys();
  const { exists } = await readConfigFile(path, keys);
  const values = Object.fromEntries(keys.peer.map(({ name, attribute }) => [name, {
    value: shown(attribute, flags),
    origin: origins[attribute] ?? "default",
  }]));
  if (output.json) return await output.value({ path, exists, values });
  output.note(`${path}${exists ? "" : ": there is no such file"}`);
  const rows = Object.entries(values).map(([name, { value, origin }]) => [
    name,
    origin,
    value === null ? "-" : Array.isArray(value) ? value.join(",") : String(value),
  ]);
  await output.raw(
    await formatTable(["KEY", "ORIGIN", "VALUE"], rows, {
      columns: output.columns,
      optional: ["ORIGIN"],
    }) + "\n",
  );
}

/** A value as people write it; null when there is none. */
function shown(attribute: string, flags: PeerFlags): string | number | string[] | null {
  const { bootstraps, dir } = settingsOf(flags);
  if (attribute === "bootstrap") return bootstraps.map((one: Address) => formatAddress(one));
  if (attribute === "dir") return dir;
  const value: unknown = Reflect.get(flags, attribute);
  if (value === undefined) return attribute === "theme" ? "auto" : null;
  return typeof value === "number" ? value : String(value);
}
