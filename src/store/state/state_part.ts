/**
 * The one way into the state folder. Its content decides what a peer serves, writes and signs, so
 * nothing in it may be foreign: a link, or a file of another user.
 */
import fs from "node:fs";
import { Fault, type FaultKind, inQuotes } from "../../fault.ts";
import { fileFault, writeFault } from "../disk/file_stamp.ts";
import { parentOf } from "../../system/paths.ts";

/**
 * Checks a file or folder of the state, if it is there: true when it is. Throws a `usage` Fault for a
 * link and for what belongs to another user, and a `disk` Fault for another kind than `kind`.
 */
export function checkStatePart(path: string, kind: "file" | "folder"): boolean {
  const stat = lstat(path);
  if (!stat) return false;
  const refuse = (fault: FaultKind, why: string) => {
    throw new Fault(fault, `Cannot use ${inQuotes(path)}: ${why}`, {
      next: "move it away unless you put it there",
    });
  };
  if (stat.isSymbolicLink()) refuse("usage", "it is a link");
  const user = Deno.build.os === "windows" ? undefined : Deno.uid();
  if (user !== undefined && stat.uid !== user) refuse("usage", "it belongs to another user");
  if (kind === "folder" && !stat.isDirectory()) refuse("disk", "it is not a folder");
  if (kind === "file" && !stat.isFile()) refuse("disk", "it is not a file");
  return true;
}

function lstat(path: string): fs.Stats | undefined {
  try {
    return fs.lstatSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    // DIR itself is a file: opening it says so.
    if ((cause as { code?: string }).code === "ENOTDIR") return;
    throw fileFault(`Cannot use ${inQuotes(path)}`, cause);
  }
}

/**
 * Makes a folder in the state folder, unless it is there, and checks it. The state folder itself is
 * never made anew: if it has gone while a peer runs, so has the disk that it was on, and what is put
 * under its path fills another one. Throws a `disk` Fault, or as {@link checkStatePart} does.
 */
export function makeStatePart(path: string): void {
  if (checkStatePart(path, "folder")) return;
  try {
    fs.mkdirSync(path, { mode: 0o700 });
  } catch (cause) {
    const { code } = cause as { code?: string };
    if (code === "EEXIST") return void checkStatePart(path, "folder");
    if (code !== "ENOENT") throw writeFault(path, cause);
    const why = `${parentOf(path)} has gone; is its disk still there?`;
    throw new Fault("disk", `Cannot write ${inQuotes(path)}: ${why}`, { cause });
  }
}

/**
 * Removes what a folder of the state has by some names, folders with all in them. The only way in which
 * anything of the state is removed recursively: not below a link, and not below what is another user's.
 * Throws as {@link checkStatePart} does, or what the file system says.
 */
export function removeFromStatePart(folder: string, names: Iterable<string>): void {
  if (!checkStatePart(folder, "folder")) return;
  for (const name of names) {
    if (name.includes("/") || name === "" || name === "." || name === "..") continue;
    fs.rmSync(`${folder}/${name}`, { recursive: true, force: true });
  }
}

/** The names in a folder of the state; none when it isn't there. Throws as {@link checkStatePart}. */
export function namesInStatePart(folder: string): string[] {
  return checkStatePart(folder, "folder") ? fs.readdirSync(folder) : [];
}
