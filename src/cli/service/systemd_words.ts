import { Fault } from "../../fault.ts";

/**
 * Words as systemd reads them in ExecStart=: C escapes, `$` and `%` doubled so that neither variables
 * nor specifiers come of them (systemd.service(5) "Command lines", systemd.unit(5) "Specifiers").
 */
export function systemdWord(word: string): string {
  const text = word.replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /^[\w@:./=,+%$-]+$/.test(text) ? text : `"${escapeC(text)}"`;
}

/** The program of ExecStart=: no variables are looked for in it, so `$` stays as it is. */
export function systemdProgram(path: string): string {
  const text = path.replaceAll("%", "%%");
  return /^[\w@:./=,+%-]+$/.test(text) ? text : `"${escapeC(text)}"`;
}

/**
 * A path in a setting that takes several, such as ReadWritePaths= and BindPaths=. Those know no escapes
 * for control characters: throws a `usage` Fault for a path with one.
 */
export function systemdPath(path: string): string {
  const text = systemdBarePath(path);
  return /^[\w@./=,+%-]+$/.test(text) ? text : `"${escapeC(text)}"`;
}

/** A path in a setting that takes the rest of its line for one, such as LoadCredential=. Throws, too. */
export function systemdBarePath(path: string): string {
  // deno-lint-ignore no-control-regex
  if (/[\u0000-\u001f\u007f]|\\$/.test(path)) {
    throw new Fault("usage", `Cannot make the unit: ${path} has characters that no unit can name`);
  }
  return path.replaceAll("%", "%%");
}

/** Text for a setting that takes a line as it is, such as Description=. */
export function systemdText(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replaceAll("%", "%%").replace(/[\u0000-\u001f\u007f]/g, "\ufffd")
    // A backslash at the end would join the next line.
    .replace(/\\$/, "\\ ");
}

function escapeC(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/["\\]/g, "\\$&").replace(/[\u0001-\u001f\u007f]/g, hexEscape);
}

function hexEscape(char: string): string {
  return "\\x" + char.charCodeAt(0).toString(16).padStart(2, "0");
}
