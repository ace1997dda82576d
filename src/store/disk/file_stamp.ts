import fs from "node:fs";
import { Fault, isOutOfBounds, messageOf } from "../../fault.ts";
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
  return { size, mtime: mtimeMs, ctime: ctimeMs || 0, inode: ino, unlinked: nlink === 0 };
}

/** The stamp of the file at a path; a link stands for what it leads to. Throws as the system does. */
export function stampOfPath(path: string): FileStamp {
  return stampOfInfo(Deno.statSync(path));
}

export function stampOfInfo({ size, mtime, ctime, ino }: Deno.FileInfo): FileStamp {
  return { size, mtime: mtime?.getTime() ?? 0, ctime: ctime?.getTime() ?? 0, inode: ino ?? 0 };
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

/** The time of modification that others are told: times before 1970 count as 1970. */
export function mtimeOf(stamp: FileStamp): number {
  return Math.max(0, stamp.mtime);
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
  const cannot = `Cannot ${what} ${path}`;
  try {
    return openRegularFile(path, options);
  } catch (cause) {
    if (cause instanceof NotRegular) throw new Fault("usage", `${cannot}: ${cause.message}`);
    throw fileFault(cannot, cause);
  }
}

/** True for the error that there is nothing at a path. */
export function isMissing(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: string };
  return code === "ENOENT" || code === "ENOTDIR" || error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.NotADirectory;
}

/** A Fault for an error of the file system: "Cannot share x: no such file". */
export function fileFault(cannot: string, cause: unknown): Fault {
  if (isMissing(cause)) return new Fault("usage", `${cannot}: no such file`, { cause });
  const kind = isOutOfBounds(cause) ? "usage" : "disk";
  const next = FAILURES[codeOf(cause)]?.[1];
  return new Fault(kind, `${cannot}: ${reasonOf(cause)}`, {
    cause,
    ...next === undefined ? {} : { next },
  });
}

const ALLOW = "give this user access to it, then run it again";

/** Failures by the system's names for them, whose own words are in the user's language; next steps. */
const FAILURES: Record<string, [why: string, next?: string]> = {
  EACCES: ["permission denied", ALLOW],
  EPERM: ["permission denied", ALLOW],
  ENOSPC: [
    "no space left on the device",
    "free space on that disk, then run it again: partial data is kept",
  ],
  EDQUOT: [
    "the disk quota is used up",
    "free space in the quota, then run it again: partial data is kept",
  ],
  EROFS: ["the file system is read-only", "mount it writable, or choose another place"],
  EIO: ["input/output error", "look for that disk in the system's log: it may be failing"],
  ENAMETOOLONG: ["the path is too long", "choose a shorter path"],
  ELOOP: ["too many links", "name the file itself in place of the link"],
  EMFILE: ["too many open files", "raise the limit, as with 'ulimit -n 4096', and run it again"],
  EFBIG: [
    "the file is too large",
    "raise the limit (ulimit -f), or use a file system that holds such files",
  ],
  EBUSY: ["another program has it open", "close that program, then run it again"],
  EINVAL: ["its disk can't do that"],
  EISDIR: ["it is a folder"],
  ENFILE: ["too many open files on this machine"],
  ENOENT: ["no such file"],
  ENOTDIR: ["no such file"],
  ENOTEMPTY: ["the folder is not empty"],
  ESTALE: ["its network disk has gone"],
  ETXTBSY: ["another program runs it", "end that program, then run it again"],
};

/** Why something failed on a disk, by its code; without one, as its message says. */
export function reasonOf(cause: unknown): string {
  const code = codeOf(cause);
  if (code === "") return messageOf(cause);
  return FAILURES[code]?.[0] ?? `the system answers ${code}`;
}

function codeOf(cause: unknown): string {
  const { code } = (cause ?? {}) as { code?: string };
  // The runtime has no name for this one.
  return code ?? (/^file too large/i.test(messageOf(cause)) ? "EFBIG" : "");
}

/** A `disk` Fault, whatever the error: what Shoal itself has made is not for others to remove. */
export function writeFault(path: string, cause: unknown): Fault {
  if (cause instanceof Fault) return cause;
  const { message, next } = fileFault(`Cannot write ${path}`, cause);
  return new Fault("disk", message, { cause, ...next === undefined ? {} : { next } });
}
