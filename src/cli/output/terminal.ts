/** The properties of the terminal that text goes to. */

type Stream = typeof Deno.stdout | typeof Deno.stderr;

/** The columns of the terminal that a stream leads to; undefined where it leads to none. */
export function columnsOf(stream: Stream): number | undefined {
  if (!stream.isTerminal()) return;
  try {
    return Deno.consoleSize().columns || undefined;
  } catch {
    // No stream of the process is a terminal that tells.
    return undefined;
  }
}

/** True where escape sequences move the cursor and clear lines. */
export function controlsCursor(stream: Stream): boolean {
  return stream.isTerminal() && Deno.env.get("TERM") !== "dumb";
}

/** True where colour can be shown and is wanted (no-color.org). */
export function showsColor(stream: Stream): boolean {
  return controlsCursor(stream) && !Deno.noColor;
}

/** True where characters beyond ASCII can be shown: the locale's encoding is UTF-8, or needs no saying. */
export function showsUnicode(): boolean {
  if (Deno.build.os === "windows" || Deno.build.os === "darwin") return true;
  const locale = ["LC_ALL", "LC_CTYPE", "LANG"].map((name) => Deno.env.get(name)).find(Boolean);
  return /utf-?8/i.test(locale ?? "");
}
