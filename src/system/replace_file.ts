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

/** The system's errors for what has no hard links: FAT, some network file systems. */
export const NO_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"];

/**
 * Replaces a small file in one step: a reader sees what was there before or all of the new text, also
 * after a power cut. The text is durable when this returns. Throws as the file system does, and leaves
 * nothing behind then.
 */
export function replaceFile(
  path: string,
  text: string,
  { mode = 0o600, temporary = besideOf(path) }: ReplaceFileOptions = {},
): void {
  put(path, text, { mode, temporary }, () => fs.renameSync(temporary, path));
}

/** As {@link replaceFile}, but throws an `EEXIST` error where something is there already. */
export function writeNewFile(path: string, text: string, { mode = 0o600 } = {}): void {
  const temporary = besideOf(path);
  put(path, text, { mode, temporary }, () => {
    try {
      fs.linkSync(temporary, path);
    } catch (error) {
      if (!NO_LINKS.includes((error as { code?: string }).code ?? "")) throw error;
      // Taken first: a rename would replace what has just come.
      fs.closeSync(fs.openSync(path, "wx", mode));
      return fs.renameSync(temporary, path);
    }
    fs.rmSync(temporary);
  });
}

function besideOf(path: string): string {
  return `${path}.${crypto.randomUUID()}.tmp`;
}

function put(
  path: string,
  text: string,
  { mode, temporary }: Required<ReplaceFileOptions>,
  place: () => void,
): void {
  try {
    const fd = fs.openSync(temporary, "wx", mode);
    try {
      fs.writeFileSync(fd, text);
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    place();
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(parentOf(path));
}
