import fs from "node:fs";
import { type FileStamp, stampOf } from "../../src/store/disk/file_stamp.ts";

/** The stamp of the file at `path` now. */
export function stampAt(path: string): FileStamp {
  const fd = fs.openSync(path, "r");
  const { size, mtime, ctime, inode } = stampOf(fd);
  fs.closeSync(fd);
  return { size, mtime, ctime, inode };
}
