import fs from "node:fs";
import { Fault } from "../../fault.ts";
import { writeFault } from "../disk/file_stamp.ts";
import { parentOf } from "../../content/safe_path.ts";

/**
 * Makes a folder in the state folder, unless it is there. The state folder itself is never made anew: if
 * it has gone while a peer runs, so has the disk that it was on, and what is put under its path fills
 * another one. Throws a `disk` Fault.
 */
export function makeStatePart(path: string): void {
  try {
    fs.mkdirSync(path, { mode: 0o700 });
  } catch (cause) {
    const { code } = cause as { code?: string };
    if (code === "EEXIST") return;
    if (code !== "ENOENT") throw writeFault(path, cause);
    const why = `${parentOf(path)} has gone; is its disk still there?`;
    throw new Fault("disk", `Cannot write ${path}: ${why}`, { cause });
  }
}
