import fs from "node:fs";
import { Fault, inQuotes } from "../fault.ts";

/** The room on a disk, in bytes. Both are Infinity where the file system does not tell. */
export interface FreeSpace {
  /** Bytes that this user may still write. */
  free: number;
  total: number;
}

/** Returns the room on the disk that a folder is on. Throws as the file system does. */
export function freeSpace(folder: string): FreeSpace {
  const { bavail, blocks, bsize } = fs.statfsSync(folder);
  // 0 of 0 is what ramfs and some network file systems say.
  if (blocks === 0) return { free: Infinity, total: Infinity };
  return { free: bavail * bsize, total: blocks * bsize };
}

/** Throws a `disk` Fault, which begins with `cannot`, unless so many bytes are free in a folder. */
export function requireFreeSpace(folder: string, needed: number, cannot: string): void {
  const { free } = freeSpace(folder);
  if (needed <= free) return;
  throw new Fault("disk", `${cannot}: only ${free} are free in ${inQuotes(folder)}`, {
    details: { reason: "space", needed, free },
    next: `free ${needed - free} bytes there, then run it again`,
  });
}
