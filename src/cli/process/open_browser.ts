import { findCommand } from "../../system/find_command.ts";
import { within } from "../../async/deadline.ts";

/** The opener of pages on each system: a command, looked for in $PATH where it has no path. */
const OPENERS: Partial<Record<typeof Deno.build.os, string>> = {
  linux: "xdg-open",
  freebsd: "xdg-open",
  darwin: "open",
  windows: "C:\\Windows\\explorer.exe",
};
/**
 * Time after which an opener that fails has done so, in milliseconds; one that still runs is a
 * browser itself.
 */
const FAILS_WITHIN_MS = 2_000;

/**
 * Opens a sign-in link in this user's browser: with one of those that $BROWSER names, or else with
 * the system's opener. True when one was started: there is a screen, a terminal, the permission to
 * run the opener, and the opener. The link goes by a file that only this user can read, `file`,
 * since every user of a machine can read command lines.
 */
export async function openBrowser(link: string, file: string): Promise<boolean> {
  if (!Deno.stdout.isTerminal() || !hasScreen()) return false;
  for (const [command = "", ...args] of openers(file)) {
    const path = findCommand(command);
    if (path === undefined) continue;
    const permission = await Deno.permissions.query({ name: "run", command: path });
    if (permission.state !== "granted") continue;
    try {
      await Deno.remove(file).catch(() => {});
      await Deno.writeTextFile(file, pageTo(link), { mode: 0o600, createNew: true });
      if (await started(path, args)) return true;
    } catch {
      // The next one may do it; the link is printed in any case.
    }
  }
  return false;
}

/**
 * The commands to try, with their words. $BROWSER has several between colons, each with `%s` where the
 * page goes, or before it.
 */
function openers(file: string): string[][] {
  const own = Deno.build.os === "windows" ? [] : (Deno.env.get("BROWSER") ?? "").split(":");
  const wanted = own.map((one) => one.trim().split(/\s+/)).filter(([command]) => command !== "")
    .map((words) => words.some((word) => word.includes("%s")) ? words : [...words, "%s"])
    .map((words) => words.map((word) => word.replaceAll("%s", file)));
  const opener = OPENERS[Deno.build.os];
  return opener ? [...wanted, [opener, file]] : wanted;
}

async function started(path: string, args: string[]): Promise<boolean> {
  const child = new Deno.Command(path, {
    args,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    const status = await within(child.status, FAILS_WITHIN_MS);
    return status === undefined || status.success;
  } finally {
    child.unref();
  }
}

function hasScreen(): boolean {
  if (Deno.env.get("SSH_CONNECTION")) return false;
  return Deno.build.os === "darwin" || Deno.build.os === "windows" ||
    Boolean(Deno.env.get("DISPLAY") || Deno.env.get("WAYLAND_DISPLAY"));
}

function pageTo(link: string): string {
  return `<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0;url=${link}"><title>Shoal</title>
<p><a href="${link}">Open Shoal</a>\n`;
}
