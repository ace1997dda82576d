import * as v from "valibot";
import { FileSize } from "../../wire/protocol.ts";
import { type FileStamp, NO_STAMP } from "../disk/file_stamp.ts";

/** Whole numbers of nanoseconds, and of a file on its disk: too large for a number. */
const Whole = v.pipe(v.string(), v.regex(/^-?\d{1,30}$/), v.transform((text) => BigInt(text)));
const StampRow = v.object({ size: FileSize, mtime_ns: Whole, inode: Whole });

/** A stamp as the state database has it; where it has none, or a damaged one, one that fits no file. */
export function stampOfRow(row: unknown): FileStamp {
  const stamp = v.safeParse(StampRow, row);
  if (!stamp.success) return NO_STAMP;
  const { size, mtime_ns: mtimeNs, inode } = stamp.output;
  return { size, mtimeNs, inode };
}
