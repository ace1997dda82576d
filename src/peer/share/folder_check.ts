import { yieldToEventLoop } from "../../async/yield_to_event_loop.ts";
import { lookAt, sameStamp, stampOfInfo } from "../../store/disk/file_stamp.ts";
import type { FolderFiles } from "../../store/shares/folder_files.ts";

/** Files looked at before others get a turn. */
const YIELD_FILES = 500;

/** True when all files of a shared folder are there and are those that were announced. */
export async function isFolderWhole(
  folder: string,
  files: FolderFiles,
  signal: AbortSignal,
): Promise<boolean> {
  for (let after = "";;) {
    const some = files.list(folder, after, YIELD_FILES);
    for (const { path, stamp } of some) {
      const now = lookAt(path);
      if (!now?.isFile || !sameStamp(stampOfInfo(now), stamp)) return false;
    }
    if (some.length < YIELD_FILES) return true;
    after = some.at(-1)!.path;
    await yieldToEventLoop(signal);
  }
}
