import { Fault } from "../../fault.ts";
import { absolutePath, isAbsolute, pathIn, plainPath } from "../../system/paths.ts";

/** The environment that decides about paths. */
interface Surroundings {
  os: typeof Deno.build.os;
  env: (name: string) => string | undefined;
}

const HERE: Surroundings = { os: Deno.build.os, env: (name) => Deno.env.get(name) };

/**
 * The path of the config file: `given`, from `--config` or `$SHOAL_CONFIG`, else
 * `shoal/config.toml` in $XDG_CONFIG_HOME, or in the system's folder for such files: ~/.config,
 * ~/Library/Application Support on macOS, %APPDATA% on Windows. Undefined when there is no such
 * place. An absolute path.
 */
export function configPath(
  given: string | undefined,
  { os, env }: Surroundings = HERE,
): string | undefined {
  if (given !== undefined) return absolutePath(given);
  const home = env("HOME");
  const xdg = env("XDG_CONFIG_HOME");
  // A relative one is to be ignored (XDG Base Directory Specification).
  const folder = xdg !== undefined && isAbsolute(xdg, os)
    ? xdg
    : os === "windows"
    ? env("APPDATA")
    : home && (os === "darwin" ? `${home}/Library/Application Support` : `${home}/.config`);
  return folder ? pathIn(plainPath(folder, os), "shoal/config.toml") : undefined;
}

/** As {@link configPath}. Throws a `usage` Fault when there is no place for it. */
export function requireConfigPath(given: string | undefined): string {
  const path = configPath(given);
  if (path) return path;
  throw new Fault("usage", "Cannot tell where the config file is: HOME is not set; use --config");
}

/** A path in the file: absolute, or below the home folder as `~/`. Throws a `usage` Fault. */
export function expandPath(text: string, { os, env }: Surroundings = HERE): string {
  const home = env(os === "windows" ? "USERPROFILE" : "HOME");
  if (home && /^~[/\\]/.test(text)) return plainPath(home + text.slice(1), os);
  if (isAbsolute(text, os)) return plainPath(text, os);
  throw new Fault("usage", `"${text}" must be an absolute path, or begin with ~/`);
}
