import * as v from "valibot";
import { FileSize } from "../../wire/protocol.ts";
import { type FileStamp, NO_STAMP } from "../disk/file_stamp.ts";

const Time = v.pipe(v.number(), v.safeInteger());
const StampRow = v.object({ size: FileSize, mtime: Time, ctime: Time, inode: v.number() });

/** The columns of {@link stampOfRow}. */
export const STAMP_COLUMNS = "size, mtime, ctime, inode";

/** A stamp as the state database has it; where it has none, or a damaged one, one that fits no file. */
export function stampOfRow(row: unknown): FileStamp {
  const stamp = v.safeParse(StampRow, row);
  return stamp.success ? stamp.output : NO_STAMP;
}
