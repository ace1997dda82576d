import fs from "node:fs";

/** True for a folder, and for a link to one. */
export function isFolder(path: string): boolean {
  return fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
