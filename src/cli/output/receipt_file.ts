import { stat } from "node:fs/promises";
import { hiddenName } from "../../content/safe_path.ts";
import { Fault, inQuotes } from "../../fault.ts";
import { writeFault } from "../../store/disk/file_stamp.ts";
import { safeJson } from "./sanitize.ts";
import { replaceFile } from "../../system/replace_file.ts";
import { absolutePath, parentOf, pathIn, realPath } from "../../system/paths.ts";

/**
 * The results of one command's downloads, written to a file atomically: a line of JSON for each.
 */
export class ReceiptFile {
  readonly #path: string;
  readonly #lines: string[] = [];
  /** The paths of the files that it reports. */
  readonly #fetched: string[] = [];

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Links are followed. Throws a `usage` Fault when there is no such folder, or something that is no
   * file stands there.
   */
  static async at(path: string, cwd: string): Promise<ReceiptFile> {
    const absolute = absolutePath(path, cwd);
    const there = await stat(absolute).catch(() => undefined);
    if (there?.isFile()) return new ReceiptFile(await realPath(absolute));
    const why = there?.isDirectory() ? "it is a folder" : "it is not a regular file";
    if (there) throw new Fault("usage", `Cannot write ${inQuotes(path)}: ${why}`);
    const folder = parentOf(absolute);
    const around = await stat(folder).catch(() => undefined);
    if (around?.isDirectory()) return new ReceiptFile(absolute);
    throw new Fault("usage", `Cannot write ${inQuotes(path)}: there is no folder ${folder}`);
  }

  /** Adds a receipt, or an error. */
  add(value: { name: string; path?: string; error?: unknown }): void {
    this.#lines.push(safeJson(value) + "\n");
    if (value.path !== undefined) this.#fetched.push(value.path);
  }

  /**
   * Writes what was added, in place of what the file had. Throws a `disk` Fault, and a `usage` Fault when
   * the file is one of those that were fetched.
   */
  async save(): Promise<void> {
    const there = await fileAt(this.#path);
    for (const path of this.#fetched) {
      if (there === undefined || await fileAt(path) !== there) continue;
      throw new Fault(
        "usage",
        `Cannot write the receipt to ${inQuotes(this.#path)}: it is what was fetched`,
      );
    }
    const temporary = pathIn(parentOf(this.#path), hiddenName(crypto.randomUUID(), "partial"));
    try {
      replaceFile(this.#path, this.#lines.join(""), { mode: 0o666, temporary });
    } catch (cause) {
      throw writeFault(this.#path, cause);
    }
  }
}

/** The identity of a file, by whichever path; undefined when nothing is there. */
async function fileAt(path: string): Promise<string | undefined> {
  const there = await stat(path).catch(() => undefined);
  return there && `${there.dev} ${there.ino}`;
}
