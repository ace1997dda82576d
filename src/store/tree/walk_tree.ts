import fs from "node:fs";
import { yieldToEventLoop } from "../../async/yield_to_event_loop.ts";
import { ENTRIES_CAP } from "../../content/manifest.ts";
import { comparePaths, isOwn, isTargetInside, whyUnsafePath } from "../../content/tree_path.ts";
import { Fault, inQuotes } from "../../fault.ts";
import { fileFault, type FileStamp, lookAt, stampOfInfo } from "../disk/file_stamp.ts";
import { isSlow, patiently } from "../disk/slow_disks.ts";
import { isMissing, reasonOf } from "../../system/file_failure.ts";
import { foldName } from "../../content/safe_path.ts";
import { linkTarget } from "../../system/paths.ts";

/** Something in a tree. `path` is its path in the tree, in NFC; `disk` where it lies, absolute. */
export type TreeEntry =
  | { type: "folder"; path: string; disk: string }
  | { type: "file"; path: string; disk: string; stamp: FileStamp; executable: boolean }
  | { type: "link"; path: string; disk: string; target: string };

/** Something in a tree that is left out. */
export interface LeftOut {
  /** Its path in the tree. */
  path: string;
  /** The reason, in a few words. */
  why: string;
  /** True for what could not be read; all else could be shared nowhere. */
  failed?: true;
}

interface Tree {
  /** In the order of a manifest. */
  entries: TreeEntry[];
  leftOut: LeftOut[];
}

/** Entries looked at before others get a turn. */
const YIELD_ENTRIES = 256;

/**
 * All that is in the folder at `root`, no link followed. What can't be shared is left out, with the
 * reason: links that lead out of the tree, what is no file, folder or link, names that other systems
 * could not keep, Shoal's own folders; also what can't be read. Throws a `usage` Fault when there is
 * too much or no such folder, and a `disk` Fault when that can't be read.
 */
export async function walkTree(root: string, signal?: AbortSignal): Promise<Tree> {
  const tree: Tree = { entries: [], leftOut: [] };
  const waiting = [{ path: "", disk: root }];
  const unread = new Set<string>();
  let seen = 0;
  for (let folder; (folder = waiting.pop());) {
    const taken = new Map<string, string>();
    const names = isSlow(folder.disk) ? await namesSlowly(folder.disk) : namesIn(folder.disk);
    if (!Array.isArray(names)) {
      const { cause } = names;
      if (folder.path === "") throw fileFault(`Cannot share ${inQuotes(root)}`, cause);
      unread.add(folder.path);
      // One that has just gone is not there.
      if (!isMissing(cause)) {
        tree.leftOut.push({ path: folder.path, why: reasonOf(cause), failed: true });
      }
      continue;
    }
    for (const name of names) {
      if (++seen > ENTRIES_CAP) {
        throw new Fault(
          "usage",
          `Cannot share ${inQuotes(root)}: it has more than ${ENTRIES_CAP} entries`,
        );
      }
      if (seen % YIELD_ENTRIES === 0) await yieldToEventLoop(signal);
      const path = (folder.path && `${folder.path}/`) + name.normalize("NFC");
      const disk = `${folder.disk}/${name}`;
      const entry = isSlow(disk)
        ? look(path, disk, taken, await lookSlowly(disk))
        : look(path, disk, taken);
      if (!entry) continue;
      if ("why" in entry) tree.leftOut.push(entry);
      else tree.entries.push(entry);
      if ("type" in entry && entry.type === "folder") waiting.push(entry);
    }
  }
  if (unread.size > 0) tree.entries = tree.entries.filter(({ path }) => !unread.has(path));
  tree.entries.sort((a, b) => comparePaths(a.path, b.path));
  return tree;
}

/** The look at what lies on a disk that may hang; it throws as lookAt does. */
async function lookSlowly(disk: string): Promise<() => Deno.FileInfo | undefined> {
  try {
    const stat = await patiently(disk, () => Deno.lstat(disk));
    return () => stat;
  } catch (error) {
    if (error instanceof Fault) throw error;
    return () => {
      if (isMissing(error)) return undefined;
      throw error;
    };
  }
}

async function namesSlowly(folder: string): Promise<string[] | { cause: unknown }> {
  try {
    return (await patiently(folder, () => fs.promises.readdir(folder))).sort();
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    return { cause };
  }
}

/** The kind of a folder's entry; undefined when it has just gone. */
function look(
  path: string,
  disk: string,
  taken: Map<string, string>,
  looked?: () => Deno.FileInfo | undefined,
): TreeEntry | LeftOut | undefined {
  let stat: Deno.FileInfo | undefined;
  try {
    stat = looked ? looked() : lookAt(disk);
  } catch (cause) {
    return { path, why: reasonOf(cause), failed: true };
  }
  // The runtime has no names but in UTF-8: it puts this character for what is none.
  if (!stat && path.includes("\ufffd")) return { path, why: "its name is not UTF-8", failed: true };
  if (!stat) return;
  const why = whyLeftOut(path, stat, taken);
  if (why) return { path, why };
  taken.set(foldName(path), path);
  if (stat.isDirectory) return { type: "folder", path, disk };
  if (stat.isFile) {
    const executable = ((stat.mode ?? 0) & 0o100) !== 0;
    return { type: "file", path, disk, stamp: stampOfInfo(stat), executable };
  }
  const target = plainTarget(linkTarget(disk));
  if (isTargetInside(path, target)) return { type: "link", path, disk, target };
  if (target === ".") return { path, why: "the link leads to the folder that it is in" };
  return { path, why: `the link leads out of the folder, to ${target}` };
}

/**
 * The target of a link, in the form that manifests have it in: without `.` and repeated or last
 * slashes.
 */
function plainTarget(target: string): string {
  const parts = target.normalize("NFC").split("/");
  const plain = parts.filter((part, at) => part !== "." && (part !== "" || at === 0));
  return plain.join("/") || (target.startsWith("/") ? "/" : ".");
}

function whyLeftOut(
  path: string,
  stat: Deno.FileInfo,
  taken: Map<string, string>,
): string | undefined {
  if (isOwn(path.slice(path.lastIndexOf("/") + 1))) return "it is Shoal's own";
  const unsafe = whyUnsafePath(path);
  if (unsafe) return unsafe;
  if (!stat.isDirectory && !stat.isFile && !stat.isSymlink) {
    return `it is ${kindOf(stat)}`;
  }
  const other = taken.get(foldName(path));
  if (other !== undefined) return `${other} has the same name to some systems`;
}

function kindOf(stat: Deno.FileInfo): string {
  if (stat.isFifo) return "a named pipe";
  if (stat.isSocket) return "a socket";
  return "a device";
}

function namesIn(folder: string): string[] | { cause: unknown } {
  try {
    return fs.readdirSync(folder).sort();
  } catch (cause) {
    return { cause };
  }
}
