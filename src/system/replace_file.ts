import fs from "node:fs";
import { syncFolder } from "./sync_folder.ts";
import { parentOf } from "./paths.ts";

interface ReplaceFileOptions {
  /** Mode bits of the new file, less the umask. @default 0o600 */
  mode?: number;
  /**
   * The path that is written first, in the same folder. @default the path, with a suffix of its own
   */
  temporary?: string;
}

/**
 * Replaces a small file in one step: a reader sees what was there before or all of the new text, also
 * after a power cut. The text is durable when this returns. Throws as the file system does, and leaves
 * nothing behind then.
 */
export function replaceFile(
  path: string,
  text: string,
  { mode = 0o600, temporary = `${path}.${crypto.randomUUID()}.tmp` }: ReplaceFileOptions = {},
): void {
  try {
    const fd = fs.openSync(temporary, "wx", mode);
    try {
      fs.writeFileSync(fd, text);
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    fs.renameSync(temporary, path);
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(parentOf(path));
}
