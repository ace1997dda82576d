import { Fault, inQuotes, KeyFault, messageOf, quoted } from "../../fault.ts";
import { writeFault } from "../../store/disk/file_stamp.ts";
import { isMissing, reasonOf } from "../../system/file_failure.ts";
import type { ConfigKey } from "./config_keys.ts";
import { makeFolders } from "../../system/make_folders.ts";
import { replaceFile } from "../../system/replace_file.ts";
import { parentOf, realPath } from "../../system/paths.ts";
import { readRegularText } from "../../system/open_regular.ts";

/** The table for `shoal bootstrap`; everything outside of it is for peers. */
const BOOTSTRAP_TABLE = "bootstrap_server";

/** Most bytes of a config file. */
const SIZE_CAP = 1 << 20;

/** The keys of each command. */
interface ConfigKeys {
  peer: ConfigKey[];
  bootstrap: ConfigKey[];
}

/** Values for options, by attribute. */
interface ConfigFile {
  /** False when there is no such file. */
  exists: boolean;
  text: string;
  peer: Map<string, unknown>;
  bootstrap: Map<string, unknown>;
}

/**
 * Reads the config file at `path`; a missing one has no values. Throws a `usage` Fault that names file
 * and line when it can't be read or has something wrong in it.
 */
export async function readConfigFile(path: string, keys: ConfigKeys): Promise<ConfigFile> {
  const text = readText(path);
  if (text === undefined) return { exists: false, text: "", peer: new Map(), bootstrap: new Map() };
  return { exists: true, text, ...await parseConfig(text, path, keys) };
}

/** The values in a config file's text. Throws as {@link readConfigFile} does. */
async function parseConfig(
  text: string,
  path: string,
  keys: ConfigKeys,
): Promise<Pick<ConfigFile, "peer" | "bootstrap">> {
  const { parse } = await import("@decimalturn/toml-patch");
  let top: Record<string, unknown>;
  try {
    top = parse(text);
  } catch (cause) {
    // Its message shows the place with line breaks: the last line says what is wrong.
    const line = (cause as { line?: number }).line;
    const why = (cause as Error).message.split("\n").at(-1)!;
    throw new Fault("usage", `Cannot use ${at(path, line)}: ${why}`, { cause });
  }
  const { [BOOTSTRAP_TABLE]: table = {}, ...peer } = top;
  if (typeof table !== "object" || table === null || Array.isArray(table)) {
    const line = lineOf(text, BOOTSTRAP_TABLE);
    throw new Fault("usage", `Cannot use ${at(path, line)}: ${BOOTSTRAP_TABLE} must be a table`);
  }
  return {
    peer: check(peer, keys.peer, { text, path }),
    bootstrap: check(table as Record<string, unknown>, keys.bootstrap, {
      text,
      path,
      table: BOOTSTRAP_TABLE,
    }),
  };
}

/**
 * Changes keys for peers in the file at `path`; null removes one. Comments stay, and so does all
 * else. The file is replaced atomically, by one that only its owner can read. Throws `usage` Faults
 * for wrong values, and a `disk` Fault.
 */
export async function changeConfigFile(
  path: string,
  changes: Record<string, unknown>,
  keys: ConfigKeys,
): Promise<void> {
  const { patch, parse } = await import("@decimalturn/toml-patch");
  const { text } = await readConfigFile(path, keys);
  const values = parse(text);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) delete values[name];
    else values[name] = value;
  }
  const patched = patch(text, values);
  const changed = patched === "" || patched.endsWith("\n") ? patched : patched + "\n";
  // What is written can be read again.
  await parseConfig(changed, path, keys);
  await rewrite(path, changed);
}

async function rewrite(path: string, text: string): Promise<void> {
  try {
    makeFolders(parentOf(path), { mode: 0o700 });
    // A link to a file elsewhere stays one.
    replaceFile(await realPath(path).catch(() => path), text);
  } catch (cause) {
    throw writeFault(path, cause);
  }
}

function readText(path: string): string | undefined {
  try {
    return readRegularText(path, { follow: true, cap: SIZE_CAP });
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    const why = cause instanceof TypeError ? "it is not UTF-8" : reasonOf(cause);
    throw new Fault("usage", `Cannot use ${inQuotes(path)}: ${why}`, { cause });
  }
}

function check(
  values: Record<string, unknown>,
  keys: ConfigKey[],
  { text, path, table }: { text: string; path: string; table?: string },
): Map<string, unknown> {
  const checked = new Map<string, unknown>();
  for (const [name, value] of Object.entries(values)) {
    const key = keys.find((one) => one.name === name);
    const where = at(path, lineOf(text, name, table));
    if (!key) {
      const known = keys.map((one) => one.name).join(", ");
      throw new KeyFault(
        name,
        `Cannot use ${where}: unknown key ${quoted(name)}: there are ${known}`,
      );
    }
    try {
      checked.set(key.attribute, key.parse(value));
    } catch (cause) {
      throw new KeyFault(name, `Cannot use ${where}: ${name}: ${messageOf(cause)}`, { cause });
    }
  }
  return checked;
}

/** The line, from 1, that a key stands in, as far as a look at the text tells. */
function lineOf(text: string, name: string, table?: string): number | undefined {
  let inside: string | undefined;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const header = line.match(/^\s*\[+\s*["']?([^\]"']+?)["']?\s*\]+/)?.[1];
    if (header !== undefined) inside = header;
    if (header === name && table === undefined) return index + 1;
    const key = line.match(/^\s*(?:"([^"]*)"|'([^']*)'|([\w-]+))\s*[.=]/);
    if (key && (key[1] ?? key[2] ?? key[3]) === name && inside === table) return index + 1;
  }
}

function at(path: string, line: number | undefined): string {
  return line === undefined ? path : `${path}:${line}`;
}
