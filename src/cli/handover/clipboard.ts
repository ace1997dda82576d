import { findCommand } from "../../system/find_command.ts";

/** Programs that put their standard input in the clipboard, of Windows, macOS, Wayland and X11. */
const PROGRAMS: [string, ...string[]][] = [
  ["clip.exe"],
  ["pbcopy"],
  ["wl-copy"],
  ["xclip", "-selection", "clipboard"],
  ["xsel", "--clipboard", "--input"],
];
/** Time for one of them, in milliseconds: some wait for a display that isn't there. */
const COPY_MS = 2_000;

/** Copies a text; false where there is no clipboard. It is never in a program's arguments. */
export async function copyToClipboard(text: string): Promise<boolean> {
  for (const [program, ...args] of PROGRAMS) {
    const found = findCommand(program);
    if (found === undefined) continue;
    const child = new Deno.Command(found, {
      args,
      stdin: "piped",
      stdout: "null",
      stderr: "null",
      signal: AbortSignal.timeout(COPY_MS),
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(text)).then(() => writer.close()).catch(() => {});
    if ((await child.status).success) return true;
  }
  return false;
}
