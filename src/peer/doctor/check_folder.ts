import fs from "node:fs";
import { Fault, inQuotes } from "../../fault.ts";
import { fileFault } from "../../store/disk/file_stamp.ts";
import type { StateFolder } from "../../store/state/state_folder.ts";
import { Identity } from "../../trust/identity.ts";
import { fault, type Finding, ok, warning } from "../api/finding.ts";
import { freeSpace } from "../../system/free_space.ts";

/** Less free space than either of these is too little: bytes, and a part of the disk. */
const LITTLE_SPACE = 2 ** 30;
const LITTLE_PART = 0.05;

/** Checks DIR: that it is writable and has free space, and that its identity can be read. */
export async function checkFolder(folder: StateFolder, created: boolean): Promise<Finding[]> {
  const { dir } = folder;
  try {
    if (!(await Deno.stat(dir)).isDirectory) {
      return [fault("folder", new Fault("usage", `${dir} is a file`), "use another --dir")];
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound && created) {
      return [ok("folder", `${dir} is not there yet: the first share or get makes it`)];
    }
    const why = fileFault(`Cannot use ${inQuotes(dir)}`, error).message;
    return [fault("folder", new Fault("usage", why), "make that folder, or use another --dir")];
  }
  return [checkWritable(folder), checkSpace(dir), await checkIdentity(folder.identity)];
}

/** Tries it, all the way to the disk. */
function checkWritable({ dir, path }: StateFolder): Finding {
  const used = fs.existsSync(path) ? path : dir;
  const trial = `${used}/doctor-${crypto.randomUUID()}.tmp`;
  try {
    const fd = fs.openSync(trial, "wx", 0o600);
    try {
      fs.writeSync(fd, new Uint8Array(1));
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
      fs.rmSync(trial);
    }
    return ok("folder", `${used} can be written to`);
  } catch (error) {
    const why = new Fault("disk", fileFault(`Cannot write to ${inQuotes(used)}`, error).message);
    return fault("folder", why, "give the user that runs Shoal the folder, or make room");
  }
}

function checkSpace(dir: string): Finding {
  try {
    const { free, total } = freeSpace(dir);
    return judgeSpace(free, total);
  } catch (error) {
    return fault("space", fileFault(`Cannot tell how much is free in ${inQuotes(dir)}`, error));
  }
}

/** Judges the free space of a file system, in bytes; both are Infinity where it doesn't report it. */
export function judgeSpace(free: number, total: number): Finding {
  if (total === Infinity) return ok("space", "the file system doesn't tell how much is free");
  const part = `${(free / total * 100).toFixed(0)} %`;
  const message = `${(free / 2 ** 30).toFixed(1)} GiB are free, ${part} of the disk`;
  if (free >= LITTLE_SPACE && free / total >= LITTLE_PART) return ok("space", message);
  return warning("space", message, "make room: a download needs its file's size");
}

async function checkIdentity(path: string): Promise<Finding> {
  const remedy = `put the backup of ${path} back, or remove it to become another peer`;
  try {
    const stat = await Deno.lstat(path);
    const { id } = await Identity.load(path);
    const others = stat.mode === null || Deno.build.os === "windows" ? 0 : stat.mode & 0o077;
    if (others === 0) return ok("identity", `this is peer ${id.slice(0, 12)}`);
    const why = `${path} can be read by other users, who can then publish as this peer`;
    return fault("identity", new Fault("integrity", why), `type: chmod 600 ${path}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return ok("identity", "there is none yet: the first share or get makes it");
    }
    return fault("identity", error, remedy);
  }
}
