import fs from "node:fs";
import { hiddenName } from "../../content/safe_path.ts";
import { parentOf, pathIn } from "../../system/paths.ts";

/** The rights of a file or folder: mode bits, and the ids of its user and group. */
export interface Rights {
  mode: number;
  uid: number;
  gid: number;
}

/**
 * The rights that are right for a file at a path: those of what it replaces, since what only its owner
 * could read stays so; else those of a file that is made there, by the umask, the folder's group and its
 * default ACL. Setuid, setgid and sticky bits never travel. Undefined on Windows. Throws as the file
 * system does.
 */
export function rightsAt(path: string): Rights | undefined {
  if (Deno.build.os === "windows") return;
  const old = fs.lstatSync(path, { throwIfNoEntry: false });
  if (old?.isFile()) return rightsOf(old, 0o777);
  return rightsOfNew(parentOf(path), "file");
}

/** The rights of a file or folder that is made in a folder. Throws as the file system does. */
export function rightsOfNew(folder: string, kind: "file" | "folder"): Rights {
  const trial = pathIn(folder, hiddenName(crypto.randomUUID(), "partial"));
  try {
    if (kind === "folder") fs.mkdirSync(trial);
    else fs.closeSync(fs.openSync(trial, "wx"));
    return rightsOf(fs.lstatSync(trial), 0o7777);
  } finally {
    fs.rmSync(trial, { force: true, recursive: true });
  }
}

/**
 * Gives a file or folder its rights, as far as this user may: where the group can't be given, what the
 * group may do is what all others may. With `executable`, everyone may run a file that may read it;
 * false takes that right. Throws as the file system does, but for what the disk can't have.
 */
export function setRights(
  path: string,
  { mode, uid, gid }: Rights,
  { executable }: { executable?: boolean } = {},
): void {
  const now = fs.lstatSync(path);
  let group = now.gid === gid;
  if (!group || now.uid !== uid) group = own(path, uid, gid) || own(path, now.uid, gid) || group;
  const shared = group ? mode : mode & ~0o2070 | (mode & 0o007) << 3;
  const right = executable === undefined ? shared : withExecutable(shared, executable);
  if ((fs.lstatSync(path).mode & 0o7777) === right) return;
  try {
    fs.chmodSync(path, right);
  } catch (error) {
    if (!cantHave(error)) throw error;
  }
}

/** Adds the right to execute for everyone with the right to read, or removes it for all. */
export function withExecutable(mode: number, executable: boolean): number {
  return executable ? mode | (mode & 0o444) >> 2 : mode & ~0o111;
}

/** The system's errors for a time, mode or group that a file, or its disk, can't have. */
const UNSUPPORTED = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "EINVAL", "ENOSYS"];

/** True for the error of a file, or its disk, that can't have a time, mode or group. */
export function cantHave(error: unknown): boolean {
  return UNSUPPORTED.includes((error as { code?: string }).code ?? "");
}

function rightsOf({ mode, uid, gid }: fs.Stats, bits: number): Rights {
  return { mode: mode & bits, uid, gid };
}

/** False where this user may not. */
function own(path: string, uid: number, gid: number): boolean {
  try {
    fs.lchownSync(path, uid, gid);
    return true;
  } catch {
    return false;
  }
}
