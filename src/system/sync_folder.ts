import fs from "node:fs";

/** Errors of file systems that can't sync a folder, and of those that refuse to open one. */
const UNSUPPORTED = ["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EBADF", "EACCES", "EPERM"];

/** False on Windows. */
export const canSyncFolders: boolean = Deno.build.os !== "windows";

/** True for the error of a file system that can't sync a folder. */
export function cantSync(error: unknown): boolean {
  return UNSUPPORTED.includes((error as { code?: string }).code ?? "");
}

/**
 * Makes the names in a folder durable: a name that was made, renamed or removed outlives a power cut
 * only once its folder is synced. Windows and some network file systems can't do that, which is no
 * failure: what was done in the folder is done. Throws for a disk that fails.
 */
export function syncFolder(path: string): void {
  if (!canSyncFolders) return;
  try {
    const fd = fs.openSync(path, "r");
    try {
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  } catch (error) {
    if (!cantSync(error)) throw error;
  }
}
