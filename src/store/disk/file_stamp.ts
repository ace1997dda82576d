import { isMissing, nextStepFor, reasonOf } from "../../system/file_failure.ts";
import fs from "node:fs";
import { Fault, inQuotes, isOutOfBounds } from "../../fault.ts";
import { NotRegular, type OpenOptions, openRegularFile } from "../../system/open_regular.ts";

/** The stamp of a file, by which a change is noticed. Times: milliseconds since 1970. */
export interface FileStamp {
  size: number;
  mtime: number;
  /**
   * The time of the last change of anything about it, which can't be put back; 0 where the system
   * has no such time. The runtime has whole seconds of it, so see {@link isSettled}.
   */
  ctime: number;
  inode: number;
}

/** Fits no file. */
export const NO_STAMP: FileStamp = { size: -1, mtime: 0, ctime: 0, inode: 0 };

/**
 * Time without changes before a file is read, in milliseconds, so that each later change shows in
 * its stamp: FAT counts in steps of 2 s, the runtime in steps of 1 s.
 */
export const SETTLED_MS = 2_000;

/** The stamp of an open file, and whether its name is gone. */
export function stampOf(fd: number): FileStamp & { unlinked: boolean } {
  const { size, mtimeMs, ctimeMs, ino, nlink } = fs.fstatSync(fd);
  const [mtime, ctime] = [timeOf(mtimeMs), timeOf(ctimeMs)];
  return { size, mtime, ctime, inode: ino, unlinked: nlink === 0 };
}

/** The stamp of the file at a path; a link stands for what it leads to. Throws as the system does. */
export function stampOfPath(path: string): FileStamp {
  return stampOfInfo(Deno.statSync(path));
}

export function stampOfInfo({ size, mtime, ctime, ino }: Deno.FileInfo): FileStamp {
  const [modified, changed] = [timeOf(mtime?.getTime()), timeOf(ctime?.getTime())];
  return { size, mtime: modified, ctime: changed, inode: ino ?? 0 };
}

/** A time in milliseconds since 1970; 0 where there is none, or one that no Date can have. */
function timeOf(ms: number | undefined | null): number {
  return ms !== undefined && ms !== null && Number.isFinite(ms) ? ms : 0;
}

/** The entry at a path itself, no link followed; undefined when there is none. */
export function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

export function sameStamp(a: FileStamp, b: FileStamp): boolean {
  return a.size === b.size && a.mtime === b.mtime && a.ctime === b.ctime && a.inode === b.inode;
}

/**
 * The stamp at a path of a file that had `stamp`, since when it was given its name, its mode or its
 * time; of another file, `stamp`, which doesn't fit it. Throws as the file system does.
 */
export function restamp(path: string, stamp: FileStamp): FileStamp {
  const now = stampOfPath(path);
  return now.size === stamp.size && now.inode === stamp.inode ? now : stamp;
}

/**
 * True when any change of a file after `read`, when it was begun to be read, shows in its stamp: one
 * within the same tick of the clock as the change before, with the time put back, would not. A time in
 * the future was set, or the clock was: a change now shows as well.
 */
export function isSettled({ mtime, ctime }: FileStamp, read: number): boolean {
  return Math.abs(read - (ctime || mtime)) >= SETTLED_MS;
}

/** True for a runtime that loses the sign of times: 1966 is read as 1974. */
const LOSES_SIGN = /^2\.[0-8]\./.test(Deno.version.deno);
/** The end of the time that such a runtime may have mirrored: 1980, when times on FAT begin. */
const MIRRORED_MS = 315_532_800_000;

/**
 * The time of modification that others are told: times before 1970 count as 1970. Where the runtime can't
 * tell them from those after it, the seventies do, too: no date is better than a wrong one.
 */
export function mtimeOf(stamp: FileStamp): number {
  return LOSES_SIGN && stamp.mtime < MIRRORED_MS ? 0 : Math.max(0, stamp.mtime);
}

/**
 * Opens a file as openRegularFile does. Throws a `usage` Fault for what is missing or not a file, and a
 * `disk` Fault for what can't be read. `what` is the error's verb, such as "share".
 */
export function openRegular(
  path: string,
  what: string,
  options?: OpenOptions,
): number {
  const cannot = `Cannot ${what} ${inQuotes(path)}`;
  try {
    return openRegularFile(path, options);
  } catch (cause) {
    if (cause instanceof NotRegular) throw new Fault("usage", `${cannot}: ${cause.message}`);
    throw fileFault(cannot, cause);
  }
}

/** A Fault for an error of the file system: "Cannot share x: no such file". */
export function fileFault(cannot: string, cause: unknown): Fault {
  if (isMissing(cause)) return new Fault("usage", `${cannot}: no such file`, { cause });
  const kind = isOutOfBounds(cause) ? "usage" : "disk";
  return new Fault(kind, `${cannot}: ${reasonOf(cause)}`, { cause, next: nextStepFor(cause) });
}

/** A `disk` Fault, whatever the error: what Shoal itself has made is not for others to remove. */
export function writeFault(path: string, cause: unknown): Fault {
  if (cause instanceof Fault) return cause;
  const { message, next } = fileFault(`Cannot write ${inQuotes(path)}`, cause);
  return new Fault("disk", message, { cause, next });
}
