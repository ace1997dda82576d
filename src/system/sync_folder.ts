import fs from "node:fs";

/**
 * Makes the names in a folder durable: a name that was made, renamed or removed outlives a power cut
 * only once its folder is synced. Windows can't sync a folder. Throws as the file system does.
 */
export function syncFolder(path: string): void {
  if (Deno.build.os === "windows") return;
  const fd = fs.openSync(path, "r");
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}
