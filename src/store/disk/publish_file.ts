import { createHash } from "node:crypto";
import fs from "node:fs";
import { Fault } from "../../fault.ts";
import { fileFault, type FileStamp, restamp, stampOfPath } from "./file_stamp.ts";
import { keepMode } from "./keep_mode.ts";
import { READ_WRITE } from "./open_flags.ts";
import { syncFolder } from "../../system/sync_folder.ts";
import { parentOf, pathIn } from "../../system/paths.ts";
import type { Destination } from "../../trust/permit.ts";

/**
 * Moves a complete, synced file to `destination` atomically: a reader sees nothing, or what was
 * there before, or all of it. Without a permit nothing is ever replaced, not even what appears at
 * the last moment: a hard link fails where a rename would not.
 *
 * Across file systems the file is first copied to a hidden name beside the destination. Returns the
 * stamp of the file there.
 */
export async function publishFile(
  source: string,
  destination: Destination,
): Promise<FileStamp> {
  const { path } = destination;
  try {
    const before = stampOfPath(source);
    try {
      place(source, destination);
    } catch (cause) {
      if ((cause as { code?: string }).code !== "EXDEV") throw cause;
      return await publishCopy(source, destination);
    }
    syncFolder(parentOf(path));
    return restamp(path, before);
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw fileFault(`Cannot write ${path}`, cause);
  }
}

function place(source: string, { path: destination, permit }: Destination): void {
  if (permit.replaces) {
    if (fs.statSync(destination, { throwIfNoEntry: false })?.isDirectory()) {
      throw new Fault("destination", `Cannot write ${destination}: it is a folder`);
    }
    keepMode(source, destination);
    return fs.renameSync(source, destination);
  }
  try {
    fs.linkSync(source, destination);
  } catch (cause) {
    const code = (cause as { code?: string }).code;
    if (code === "EEXIST") {
      throw new Fault("destination", `Cannot write ${destination}: it exists already`);
    }
    // Some file systems (FAT, some network ones) have no hard links.
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].includes(code ?? "")) throw cause;
    if (fs.lstatSync(destination, { throwIfNoEntry: false })) {
      throw new Fault("destination", `Cannot write ${destination}: it exists already`);
    }
    return fs.renameSync(source, destination);
  }
  fs.rmSync(source);
}

/**
 * The path that a file is copied to on the disk of its destination: the next try of the same finds what
 * one that was killed left, and no other file has it.
 */
export function copyPlaceOf(source: string, destination: string): string {
  const hash = createHash("sha256").update(`${source}\0${destination}`).digest("hex").slice(0, 16);
  return pathIn(parentOf(destination), `.${hash}.shoal-partial`);
}

async function publishCopy(
  source: string,
  destination: Destination,
): Promise<FileStamp> {
  const parent = parentOf(destination.path);
  const copy = copyPlaceOf(source, destination.path);
  try {
    // What a try that was killed left there.
    fs.rmSync(copy, { force: true });
    await fs.promises.copyFile(source, copy, fs.constants.COPYFILE_EXCL);
    const { atime, mtime } = fs.statSync(source);
    const fd = fs.openSync(copy, READ_WRITE);
    try {
      Deno.utimeSync(copy, atime, mtime);
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    const before = stampOfPath(copy);
    place(copy, destination);
    syncFolder(parent);
    fs.rmSync(source);
    return restamp(destination.path, before);
  } finally {
    fs.rmSync(copy, { force: true });
  }
}
