/**
 * Swarm keys on disk, with ssh's rule: a secret that others can read is none, so it isn't used.
 */
import fs from "node:fs";
import { Fault, inQuotes } from "../fault.ts";
import { formatSwarmKey, parseSwarmKey, SWARM_KEY_TEXT_CAP, type SwarmKey } from "./swarm_key.ts";
import { reasonOf } from "../system/file_failure.ts";
import { openRegularFile } from "../system/open_regular.ts";
import { parentOf } from "../system/paths.ts";
import { writeNewFile } from "../system/replace_file.ts";

/** Mode bits of others than the owner. */
const OTHERS = 0o077;
const GROUP_READ = 0o040;

/** The key in a file. Throws a `usage` Fault that says what is wrong with the file, not what is in it. */
export function readSwarmKey(path: string): SwarmKey {
  try {
    return parseSwarmKey(readSecretText(path));
  } catch (cause) {
    throw new Fault("usage", `Cannot use swarm key ${inQuotes(path)}: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

/**
 * Writes a key for its owner's eyes only. Throws a Fault and leaves nothing behind when that can't be
 * done: `destination` when something stands there, which is never replaced, otherwise `disk`.
 */
export function writeSwarmKey(path: string, key: SwarmKey): void {
  try {
    writeNewFile(path, formatSwarmKey(key));
  } catch (cause) {
    const taken = (cause as { code?: string }).code === "EEXIST";
    const why = taken ? "something is there already, and keys are never replaced" : reasonOf(cause);
    const kind = taken ? "destination" : "disk";
    const next = taken ? "name a file that is not there yet" : undefined;
    throw new Fault(kind, `Cannot write swarm key ${inQuotes(path)}: ${why}`, { cause, next });
  }
}

/** The rights are those of the file that is read. */
function readSecretText(path: string): string {
  const fd = openRegularFile(path, { follow: true });
  try {
    return secretIn(fd, path);
  } finally {
    fs.closeSync(fd);
  }
}

function secretIn(fd: number, path: string): string {
  const info = fs.fstatSync(fd);
  const others = isCredential(path) ? OTHERS & ~GROUP_READ : OTHERS;
  if (Deno.build.os !== "windows" && (info.mode & others) !== 0) {
    const mode = (info.mode & 0o777).toString(8).padStart(4, "0");
    throw new Fault("usage", `others can read or change it (mode ${mode}); run chmod 600 on it`);
  }
  const buffer = new Uint8Array(SWARM_KEY_TEXT_CAP + 1);
  let filled = 0;
  for (
    let n;
    filled < buffer.length && (n = fs.readSync(fd, buffer, filled, buffer.length - filled, null));
  ) {
    filled += n;
  }
  if (filled > SWARM_KEY_TEXT_CAP) {
    throw new Fault("usage", "it is not a swarm key: it is too large");
  }
  return new TextDecoder().decode(buffer.subarray(0, filled));
}

/**
 * True if the service manager put a file there for this process alone. It lets the service's user
 * in by an access list, whose mask is shown as the mode of a group (acl(5)).
 */
function isCredential(path: string): boolean {
  const folder = Deno.env.get("CREDENTIALS_DIRECTORY");
  return folder !== undefined && parentOf(path) === folder;
}
