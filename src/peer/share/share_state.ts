import fs from "node:fs";
import { openRegular, sameStamp, stampOf } from "../../store/disk/file_stamp.ts";
import type { FolderFiles } from "../../store/shares/folder_files.ts";
import { isFolder } from "../../store/disk/is_folder.ts";
import type { Share } from "../../store/shares/library.ts";
import { isInside } from "../../content/safe_path.ts";
import { isFolderWhole } from "./folder_check.ts";

/** What became of a share, as the end of a sentence about it. */
type ShareState = "same" | "changed" | "vanished" | "became a link";

/**
 * Whether a share is still there, in the shared folder `dir` or elsewhere; with `hash`, every file of a
 * folder is looked at.
 */
export async function shareState(
  share: Share,
  { dir, folderFiles, hash, signal }: {
    dir: string;
    folderFiles: FolderFiles;
    hash: boolean;
    signal: AbortSignal;
  },
): Promise<ShareState> {
  const { root, announcement: { name } } = share;
  if (root !== undefined && !isFolder(root)) return "vanished";
  if (root !== undefined && leadsElsewhere(root, dir)) return "became a link";
  const state = fileState(share, dir);
  if (root === undefined) return state;
  if (state !== "same") return "changed";
  if (!hash) return state;
  return await isFolderWhole(name, folderFiles, signal) ? "same" : "changed";
}

/** What became of a shared file, or of the manifest of a shared folder. */
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
 * What was shared lay there itself. A link that was put in its place, or of a folder above it, would
 * have somebody else choose what is shared.
 */
function leadsElsewhere(path: string, dir: string): boolean {
  const real = Deno.realPathSync(path);
  const stays = isInside(dir, path) ? isInside(dir, real) : real === path;
  return !stays || fs.lstatSync(path).isSymbolicLink();
}
