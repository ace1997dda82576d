import { homedir } from "node:os";
import { isAbsolute, pathIn, plainPath } from "../../system/paths.ts";

/**
 * The folder for this user's lasting state of programs, outside of any shared folder:
 * `$XDG_STATE_HOME/shoal` or `~/.local/state/shoal`, on macOS below Application Support, on Windows
 * below `%LOCALAPPDATA%`. Undefined where there is no such place. It need not exist.
 */
export function stateHome(env: (name: string) => string | undefined = readEnv): string | undefined {
  if (Deno.build.os === "windows") {
    const local = env("LOCALAPPDATA");
    return local && pathIn(plainPath(local), "shoal");
  }
  const xdg = env("XDG_STATE_HOME");
  if (xdg && isAbsolute(xdg)) return pathIn(xdg, "shoal");
  const home = env("HOME") || homeOfUser();
  if (!home || !isAbsolute(home)) return;
  const below = Deno.build.os === "darwin" ? "Library/Application Support" : ".local/state";
  return pathIn(home, `${below}/shoal`);
}

function readEnv(name: string): string | undefined {
  return Deno.env.get(name);
}

function homeOfUser(): string | undefined {
  try {
    return homedir();
  } catch {
    return undefined;
  }
}
