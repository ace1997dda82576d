import fs from "node:fs";
import { Fault, isOutOfBounds, messageOf } from "../../fault.ts";
import { READ, READ_OVER_LINKS } from "./open_flags.ts";

/** What tells whether a file is still the one that was looked at. */
export interface FileStamp {
  size: number;
  mtimeNs: bigint;
  inode: bigint;
}

/** Fits no file. */
export const NO_STAMP: FileStamp = { size: -1, mtimeNs: 0n, inode: 0n };

/** The stamp of an open file, and whether its name is gone. */
export function stampOf(fd: number): FileStamp & { unlinked: boolean } {
  return stampOfStat(fs.fstatSync(fd, { bigint: true }));
}

/** The stamp of the file at a path. Throws as the file system does. */
export function stampOfPath(path: string): FileStamp {
  return stampOfStat(fs.statSync(path, { bigint: true }));
}

export function stampOfStat(stat: fs.BigIntStats): FileStamp & { unlinked: boolean } {
  return {
    size: Number(stat.size),
    mtimeNs: stat.mtimeNs,
    inode: stat.ino,
    unlinked: stat.nlink === 0n,
  };
}

export function sameStamp(a: FileStamp, b: FileStamp): boolean {
  return a.size === b.size && a.mtimeNs === b.mtimeNs && a.inode === b.inode;
}

/** Milliseconds since 1970, from a stamp. Times before 1970 count as 1970. */
export function mtimeOf(stamp: FileStamp): number {
  return Math.max(0, Number(stamp.mtimeNs / 1_000_000n));
}

/**
 * Opens a regular file for reading. Throws a `usage` Fault for what is missing or not a file, and a
 * `disk` Fault for what can't be read. `what` is the error's verb, such as "share". Named pipes and
 * devices are refused before they are opened, which could block or have effects; a link is refused
 * unless `follow` is set.
 */
export function openRegular(
  path: string,
  what: string,
  { follow = false }: { follow?: boolean } = {},
): number {
  const cannot = `Cannot ${what} ${path}`;
  const requireFile = (stat: fs.Stats) => {
    if (stat.isSymbolicLink()) throw new Fault("usage", `${cannot}: it is a link`);
    if (stat.isDirectory()) throw new Fault("usage", `${cannot}: it is a folder`);
    if (!stat.isFile()) throw new Fault("usage", `${cannot}: it is not a regular file`);
  };
  try {
    requireFile(follow ? fs.statSync(path) : fs.lstatSync(path));
    const fd = fs.openSync(path, follow ? READ_OVER_LINKS : READ);
    try {
      // Something else may have been put there since.
      requireFile(fs.fstatSync(fd));
      return fd;
    } catch (error) {
      fs.closeSync(fd);
      throw error;
    }
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw fileFault(cannot, cause);
  }
}

/** A Fault for an error of the file system: "Cannot share x: no such file". */
export function fileFault(cannot: string, cause: unknown): Fault {
  const code = (cause as { code?: string }).code;
  if (code === "ENOENT" || code === "ENOTDIR" || cause instanceof Deno.errors.NotFound) {
    return new Fault("usage", `${cannot}: no such file`, { cause });
  }
  if (isOutOfBounds(cause)) return new Fault("usage", `${cannot}: ${messageOf(cause)}`, { cause });
  const why = {
    EACCES: "permission denied",
    EPERM: "permission denied",
    ENOSPC: "no space left on the device",
    EDQUOT: "the disk quota is used up",
    EROFS: "the file system is read-only",
    EIO: "input/output error",
    ENAMETOOLONG: "the path is too long",
    ELOOP: "too many links",
  }[code ?? ""] ?? messageOf(cause);
  return new Fault("disk", `${cannot}: ${why}`, { cause });
}

/** A `disk` Fault, whatever the error: what Shoal itself has made is not for others to remove. */
export function writeFault(path: string, cause: unknown): Fault {
  if (cause instanceof Fault) return cause;
  return new Fault("disk", fileFault(`Cannot write ${path}`, cause).message, { cause });
}
