/** What opens a page on each system. The program may run these and nothing else. */
const OPENERS: Partial<Record<typeof Deno.build.os, string>> = {
  linux: "/usr/bin/xdg-open",
  darwin: "/usr/bin/open",
  windows: "C:\\Windows\\explorer.exe",
};

/**
 * Opens a sign-in link in this user's browser. True when one was started: there is a screen, somebody
 * at a terminal, the permission to run the opener, and the opener. The link goes by a file that only
 * this user can read, `file`, since everybody on a machine can read command lines.
 */
export async function openBrowser(link: string, file: string): Promise<boolean> {
  const opener = OPENERS[Deno.build.os];
  if (!opener || !Deno.stdout.isTerminal() || !hasScreen()) return false;
  const permission = await Deno.permissions.query({ name: "run", command: opener });
  if (permission.state !== "granted") return false;
  try {
    await Deno.remove(file).catch(() => {});
    await Deno.writeTextFile(file, pageTo(link), { mode: 0o600, createNew: true });
    const child = new Deno.Command(opener, {
      args: [file],
      ...{ stdin: "null", stdout: "null", stderr: "null" },
    }).spawn();
    child.unref();
    return true;
  } catch {
    return false;
  }
}

function hasScreen(): boolean {
  if (Deno.env.get("SSH_CONNECTION")) return false;
  return Deno.build.os !== "linux" ||
    Boolean(Deno.env.get("DISPLAY") || Deno.env.get("WAYLAND_DISPLAY"));
}

function pageTo(link: string): string {
  return `<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0;url=${link}"><title>Shoal</title>
<p><a href="${link}">Open Shoal</a>\n`;
}
