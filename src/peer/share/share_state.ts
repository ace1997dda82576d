import fs from "node:fs";
import { openRegular, sameStamp, stampOf } from "../../store/disk/file_stamp.ts";
import type { FolderFiles } from "../../store/shares/folder_files.ts";
import type { HashCache } from "../../store/hash/hash_cache.ts";
import { isFolder } from "../../store/disk/is_folder.ts";
import type { Share } from "../../store/shares/library.ts";
import { isInside, realPathSync } from "../../system/paths.ts";
import { isFolderWhole } from "./folder_check.ts";

/** The state of a share, as the end of a sentence about it. */
type ShareState = "same" | "changed" | "vanished" | "became a link";

export interface LookOptions {
  /** The shared folder: absolute, free of links. */
  dir: string;
  cache: HashCache;
  folderFiles: FolderFiles;
  /** Every file of a folder is looked at, and what only looks changed is hashed. */
  hash: boolean;
  signal: AbortSignal;
}

/**
 * Looks whether a share is still there, in the shared folder or elsewhere. With `hash` the content
 * decides: numbers and times of files change by themselves on some file systems, such as FAT and
 * FUSE ones. Throws a `disk` Fault for a file that can't be read, and the signal's reason.
 */
export async function shareState(share: Share, options: LookOptions): Promise<ShareState> {
  const { root, announcement: { name } } = share;
  const { dir, hash } = options;
  if (root !== undefined && !isFolder(root)) return "vanished";
  if (root !== undefined && leadsElsewhere(root, dir)) return "became a link";
  let state = fileState(share, dir);
  if (hash && state === "changed" && await takesStamp(share, options)) state = "same";
  if (root === undefined) return state;
  if (state !== "same") return "changed";
  if (!hash) return state;
  return await isFolderWhole(name, options) ? "same" : "changed";
}

/**
 * True when the file of a share still has its content: its stamp is then what it looks like now, in the
 * cache too, where the next start of the peer finds it.
 */
async function takesStamp(share: Share, { cache, signal }: LookOptions): Promise<boolean> {
  const { id, stamp } = await cache.identify(share.path, { signal });
  if (id !== share.announcement.id) return false;
  share.stamp = stamp;
  return true;
}

/** The state of a shared file, or of the manifest of a shared folder. */
export function fileState(share: Share, dir: string): ShareState {
  let fd: number;
  try {
    if (leadsElsewhere(share.path, dir)) return "became a link";
    fd = openRegular(share.path, "share");
  } catch {
    return "vanished";
  }
  const same = sameStamp(stampOf(fd), share.stamp);
  fs.closeSync(fd);
  return same ? "same" : "changed";
}

/**
 * True for a link in the place of a shared file, or of a folder above it: its maker would choose
 * what is shared.
 */
function leadsElsewhere(path: string, dir: string): boolean {
  const real = realPathSync(path);
  const stays = isInside(dir, path) ? isInside(dir, real) : real === path;
  return !stays || fs.lstatSync(path).isSymbolicLink();
}
