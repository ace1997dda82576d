import fs from "node:fs";
import { yieldToEventLoop } from "../../async/yield_to_event_loop.ts";
import type { FileEntry, ManifestEntry } from "../../content/manifest.ts";
import { isOwn } from "../../content/tree_path.ts";
import { Fault, inQuotes } from "../../fault.ts";
import type { Destination } from "../../trust/permit.ts";
import { lookAt, writeFault } from "../disk/file_stamp.ts";
import {
  cantHave,
  type Rights,
  rightsAt,
  rightsOfNew,
  setRights,
  withExecutable,
} from "../disk/file_rights.ts";
import { removeTree } from "../disk/remove_tree.ts";
import { linkTarget, parentOf, pathIn } from "../../system/paths.ts";
import { hiddenName } from "../../content/safe_path.ts";
import { copyFile } from "../disk/copy_file.ts";
import type { Staging } from "./staging.ts";
import { syncFolders } from "./sync_tree.ts";

/** Entries done before others get a turn. */
const YIELD_ENTRIES = 256;

/**
 * Puts what is staged into the folder at a destination: folders first, then each file and link in the place
 * of what was there, in one step each. What is in the way by its kind must be gone. Throws a `disk` Fault,
 * and a `destination` Fault for what may not be replaced.
 */
export async function placeStaged(
  { path: root, permit }: Destination,
  { staging, entries, signal }: {
    staging: Staging;
    /** The staged entries, in the order of a manifest. */
    entries: ManifestEntry[];
    signal?: AbortSignal;
  },
): Promise<void> {
  if (entries[0]) permit.requireReplace(root, entries[0].path);
  const changed = new Set<string>();
  const fresh = new Map<string, Rights>();
  for (const [index, entry] of entries.entries()) {
    if (index % YIELD_ENTRIES === 0) await yieldToEventLoop(signal);
    const path = `${root}/${entry.path}`;
    changed.add(parentOf(path));
    try {
      if (entry.type === "file") {
        const rights = rightsFor(path, fresh);
        const executable = entry.mode === "755";
        if (rights) setRights(staging.pathOf(entry.path), rights, { executable });
      }
      if (entry.type !== "folder") await move(staging.pathOf(entry.path), path);
      else if (!fs.lstatSync(path, { throwIfNoEntry: false })) fs.mkdirSync(path);
    } catch (cause) {
      throw writeFault(path, cause);
    }
  }
  await syncFolders(changed, signal);
}

/** Renames a file or link; to another disk, or another mount of the same, it is copied first. */
async function move(from: string, to: string): Promise<void> {
  try {
    fs.renameSync(from, to);
  } catch (error) {
    if ((error as { code?: string }).code !== "EXDEV") throw error;
    const copy = pathIn(parentOf(to), hiddenName(crypto.randomUUID(), "partial"));
    try {
      const { isSymlink, mtime, mode, uid, gid } = Deno.lstatSync(from);
      if (isSymlink) fs.symlinkSync(linkTarget(from), copy);
      else {
        await copyFile(from, copy);
        setRights(copy, { mode: mode! & 0o777, uid: uid!, gid: gid! });
        Deno.utimeSync(copy, mtime!, mtime!);
      }
      fs.renameSync(copy, to);
      fs.rmSync(from);
    } finally {
      fs.rmSync(copy, { force: true });
    }
  }
}

/** As rightsAt; of what is made in a folder, the rights are looked for once. */
function rightsFor(path: string, fresh: Map<string, Rights>): Rights | undefined {
  if (fs.lstatSync(path, { throwIfNoEntry: false })?.isFile()) return rightsAt(path);
  if (Deno.build.os === "windows") return;
  const folder = parentOf(path);
  let rights = fresh.get(folder);
  if (!rights) fresh.set(folder, rights = rightsOfNew(folder, "file"));
  return rights;
}

/**
 * Removes what is in the way at the path `inside` of a destination, but for Shoal's own folders: then it
 * stays, with a `destination` Fault, as what may not be deleted does. No link is followed. Throws a `disk`
 * Fault.
 */
export async function clearPlace(
  { path: root, permit }: Destination,
  inside: string,
): Promise<void> {
  permit.requireDelete(root, inside);
  const path = `${root}/${inside}`;
  const stat = fs.lstatSync(path, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return removeTree(path);
  await removeOthers({ path, permit }, []);
  try {
    fs.rmdirSync(path);
  } catch (cause) {
    throw new Fault("destination", `Cannot write ${inQuotes(path)}: it has a shared folder in it`, {
      cause,
    });
  }
}

/**
 * Gives files the time and mode that they should have; their contents are right. What can't have them, such
 * as another user's file, keeps its own. Returns how many files were changed. Throws a `disk` Fault.
 */
export function setAttributes({ path: root, permit }: Destination, entries: FileEntry[]): number {
  if (entries[0]) permit.requireReplace(root, entries[0].path);
  let changed = 0;
  for (const { path, mode, mtime } of entries) {
    const at = `${root}/${path}`;
    try {
      const before = fs.statSync(at);
      if (Deno.build.os !== "windows") {
        const now = before.mode & 0o7777;
        const right = withExecutable(now & 0o777, mode === "755");
        if (right !== now) fs.chmodSync(at, right);
      }
      Deno.utimeSync(at, new Date(mtime), new Date(mtime));
      const after = fs.statSync(at);
      // Some disks take a time or mode, and keep another.
      if (after.mtimeMs !== before.mtimeMs || after.mode !== before.mode) changed++;
    } catch (cause) {
      if (!cantHave(cause)) throw writeFault(at, cause);
    }
  }
  return changed;
}

/**
 * Removes what is in the folder at a destination and not in the manifest: files, links and folders, but for
 * Shoal's own. No link is followed. Returns how many files and links went. Throws a `disk` Fault, and a
 * `destination` Fault, before anything is removed, where that may not be.
 */
export async function removeOthers(
  { path: root, permit }: Destination,
  entries: ManifestEntry[],
  signal?: AbortSignal,
): Promise<number> {
  const other = permit.deletes ? undefined : await otherIn(root, entries, signal);
  if (other !== undefined) permit.requireDelete(root, other);
  let removed = 0;
  const changed = new Set<string>();
  const remove = (inside: string, isFolder: boolean) => {
    const path = `${root}/${inside}`;
    changed.add(parentOf(path));
    changed.delete(path);
    if (isFolder) return fs.rmdirSync(path);
    removeTree(path);
    removed++;
  };
  await eachOther(root, entries, remove, signal);
  await syncFolders(changed, signal);
  return removed;
}

/** The path of something in the folder at `root` that {@link removeOthers} would remove, if there is anything. */
export async function otherIn(
  root: string,
  entries: ManifestEntry[],
  signal?: AbortSignal,
): Promise<string | undefined> {
  let other: string | undefined;
  await eachOther(root, entries, (path) => void (other ??= path), signal);
  return other;
}

/** Calls `found` for what is not in the manifest, what is in a folder before the folder itself. */
async function eachOther(
  root: string,
  entries: ManifestEntry[],
  found: (path: string, isFolder: boolean) => void,
  signal?: AbortSignal,
): Promise<void> {
  const kept = new Set(entries.map(({ path }) => path));
  let seen = 0;
  const visit = async (prefix: string, wanted: boolean): Promise<boolean> => {
    let empty = true;
    for (
      const entry of fs.readdirSync(prefix ? `${root}/${prefix}` : root, { withFileTypes: true })
    ) {
      if (++seen % YIELD_ENTRIES === 0) await yieldToEventLoop(signal);
      const path = (prefix && `${prefix}/`) + entry.name;
      const keep = wanted && kept.has(path.normalize("NFC")) || isOwn(entry.name);
      // Its name is not UTF-8, so the runtime can do nothing about it.
      const isBeyond = entry.name.includes("\ufffd") && !lookAt(`${root}/${path}`);
      if (isOwn(entry.name) || isBeyond) empty = false;
      else if (entry.isDirectory()) {
        const emptied = await visit(path, keep);
        if (!keep && emptied) found(path, true);
        else empty = false;
      } else if (keep) empty = false;
      else found(path, false);
    }
    return empty;
  };
  try {
    await visit("", true);
  } catch (cause) {
    signal?.throwIfAborted();
    throw writeFault(root, cause);
  }
}
