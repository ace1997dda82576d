import fs from "node:fs";
import { turn } from "../../async/yield_to_event_loop.ts";
import type { FileEntry, ManifestEntry } from "../../content/manifest.ts";
import { isOwn } from "../../content/tree_path.ts";
import { Fault } from "../../fault.ts";
import { writeFault } from "../disk/file_stamp.ts";
import { keepMode, withExecutable } from "../disk/keep_mode.ts";
import { removeTree } from "../disk/remove_tree.ts";
import type { Staging } from "./staging.ts";

/** Entries done before others get a turn. */
const TURN_ENTRIES = 256;

/**
 * Puts what is staged into the folder at `root`: folders first, then each file and link in the place of
 * what was there, in one step each. What is in the way by its kind must be gone. Throws a `disk` Fault.
 */
export async function placeStaged(
  root: string,
  { staging, entries, signal }: {
    staging: Staging;
    /** What is staged, in the order of a manifest. */
    entries: ManifestEntry[];
    signal?: AbortSignal;
  },
): Promise<void> {
  for (const [index, entry] of entries.entries()) {
    if (index % TURN_ENTRIES === 0) await turn(signal);
    const path = `${root}/${entry.path}`;
    try {
      if (entry.type === "file") {
        keepMode(staging.pathOf(entry.path), path, { executable: entry.mode === "755" });
      }
      if (entry.type !== "folder") fs.renameSync(staging.pathOf(entry.path), path);
      else if (!fs.lstatSync(path, { throwIfNoEntry: false })) fs.mkdirSync(path);
    } catch (cause) {
      throw writeFault(path, cause);
    }
  }
}

/**
 * Removes what is in the way at `path`, but for Shoal's own folders: then it stays, with a `destination`
 * Fault. No link is followed. Throws a `disk` Fault.
 */
export async function clearPlace(path: string): Promise<void> {
  const stat = fs.lstatSync(path, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return removeTree(path);
  await removeOthers(path, []);
  try {
    fs.rmdirSync(path);
  } catch (cause) {
    throw new Fault("destination", `Cannot write ${path}: it has a shared folder in it`, { cause });
  }
}

/** Gives files the time and mode that they should have; their contents are right. */
export function setAttributes(root: string, entries: FileEntry[]): void {
  for (const { path, mode, mtime } of entries) {
    const at = `${root}/${path}`;
    try {
      if (Deno.build.os !== "windows") {
        const now = fs.statSync(at).mode & 0o7777;
        const right = withExecutable(now & 0o777, mode === "755");
        if (right !== now) fs.chmodSync(at, right);
      }
      Deno.utimeSync(at, new Date(mtime), new Date(mtime));
    } catch (cause) {
      throw writeFault(at, cause);
    }
  }
}

/**
 * Removes what is in the folder at `root` and not in the manifest: files, links and folders, but for
 * Shoal's own. No link is followed. Returns how many files and links went. Throws a `disk` Fault.
 */
export async function removeOthers(
  root: string,
  entries: ManifestEntry[],
  signal?: AbortSignal,
): Promise<number> {
  const kept = new Set(entries.map(({ path }) => path));
  let removed = 0;
  let seen = 0;
  const visit = async (prefix: string, wanted: boolean): Promise<boolean> => {
    let empty = true;
    for (
      const entry of fs.readdirSync(prefix ? `${root}/${prefix}` : root, { withFileTypes: true })
    ) {
      if (++seen % TURN_ENTRIES === 0) await turn(signal);
      const path = (prefix && `${prefix}/`) + entry.name;
      const keep = wanted && kept.has(path.normalize("NFC")) || isOwn(entry.name);
      if (isOwn(entry.name)) empty = false;
      else if (entry.isDirectory()) {
        const emptied = await visit(path, keep);
        if (!keep && emptied) fs.rmdirSync(`${root}/${path}`);
        else empty = false;
      } else if (keep) empty = false;
      else {
        removeTree(`${root}/${path}`);
        removed++;
      }
    }
    return empty;
  };
  try {
    await visit("", true);
  } catch (cause) {
    signal?.throwIfAborted();
    throw writeFault(root, cause);
  }
  return removed;
}
