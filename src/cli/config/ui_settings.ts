import { Fault, inQuotes } from "../../fault.ts";
import type { UiSettings } from "../../web/ui_door.ts";
import type { PeerFlags } from "../args/options.ts";
import { reasonOf } from "../../system/file_failure.ts";
import { readRegularText } from "../../system/open_regular.ts";

export const PASSWORD_VARIABLE = "SHOAL_UI_PASSWORD";
/** Most bytes in a password's file. */
const FILE_CAP = 4_096;

/**
 * The settings of the UI; undefined when it isn't asked for. The password comes from a file or the
 * environment, since every user of a machine can read command lines. Throws a `usage` Fault when
 * the file can't be read.
 */
export function uiSettingsOf(flags: PeerFlags): UiSettings | undefined {
  const { ui, uiHost, uiPasswordFile, uiOrigin, uiProxy, uiPaths } = flags;
  if ((ui === undefined && uiHost === undefined) || ui === false) return;
  const password = uiPasswordFile === undefined
    ? Deno.env.get(PASSWORD_VARIABLE)
    : readPassword(uiPasswordFile);
  return {
    host: uiHost,
    port: typeof ui === "number" ? ui : undefined,
    password: password || undefined,
    origins: uiOrigin,
    proxies: uiProxy,
    paths: uiPaths,
  };
}

function readPassword(path: string): string {
  const cannot = `Cannot read the page's password from ${inQuotes(path)}`;
  try {
    const [line] = readRegularText(path, { follow: true, cap: FILE_CAP }).split(/\r?\n/);
    if (!line) throw new Fault("usage", `${cannot}: its first line is empty`);
    return line;
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault("usage", `${cannot}: ${reasonOf(cause)}`, { cause });
  }
}
