import { messageOf } from "../fault.ts";

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

/** Returns why something failed on a disk, by its code; without one, as its message says. */
export function reasonOf(cause: unknown): string {
  const code = codeOf(cause);
  if (code === "") return messageOf(cause);
  return FAILURES[code]?.[0] ?? `the system answers ${code}`;
}

/** Returns what helps against a failure on a disk; undefined where nothing is known to. */
export function nextStepFor(cause: unknown): string | undefined {
  return FAILURES[codeOf(cause)]?.[1];
}

function codeOf(cause: unknown): string {
  const { code } = (cause ?? {}) as { code?: string };
  // The runtime has no name for this one.
  return code ?? (/^file too large/i.test(messageOf(cause)) ? "EFBIG" : "");
}

/** True for the error that there is nothing at a path. */
export function isMissing(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: string };
  return code === "ENOENT" || code === "ENOTDIR" || error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.NotADirectory;
}
