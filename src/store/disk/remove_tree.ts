import fs from "node:fs";
import { writeFault } from "./file_stamp.ts";

/** Removes a file, link or folder with all in it; no link is followed. Throws a `disk` Fault. */
export function removeTree(path: string): void {
  try {
    fs.rmSync(path, { recursive: true, force: true });
  } catch (cause) {
    throw writeFault(path, cause);
  }
}
