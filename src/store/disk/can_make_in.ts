import fs from "node:fs";

/** True when this user may make files in a folder. */
export function canMakeIn(folder: string): boolean {
  try {
    fs.accessSync(folder, fs.constants.W_OK | fs.constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
