import { createHash } from "node:crypto";
import fs from "node:fs";
import { hiddenName } from "../../content/safe_path.ts";
import { Fault, inQuotes } from "../../fault.ts";
import { fileFault, type FileStamp, restamp, stampOfPath } from "./file_stamp.ts";
import { copyFile, copyInto } from "./copy_file.ts";
import { cantHave, rightsAt, setRights } from "./file_rights.ts";
import { canMakeIn } from "./can_make_in.ts";
import { READ_WRITE } from "./open_flags.ts";
import { NO_LINKS } from "../../system/replace_file.ts";
import { syncFolder } from "../../system/sync_folder.ts";
import { parentOf, pathIn } from "../../system/paths.ts";
import type { Destination } from "../../trust/permit.ts";

interface PublishOptions {
  /** Everyone may run it who may read it. */
  executable?: boolean;
}

/**
 * Moves a complete, synced file to `destination` atomically: a reader sees nothing, or what was
 * there before, or all of it. Without a permit nothing is ever replaced, not even what appears at
 * the last moment: a hard link fails where a rename would not. It has the rights of what it replaces, or
 * of what is made there.
 *
 * Across file systems the file is first copied to a hidden name beside the destination. Where only the
 * file itself may be written, it is written in place. Returns the stamp of the file there.
 */
export async function publishFile(
  source: string,
  destination: Destination,
  options: PublishOptions = {},
): Promise<FileStamp> {
  const { path, permit } = destination;
  try {
    if (permit.replaces && whyInPlace(path) !== undefined) return await writeInPlace(source, path);
    const before = stampOfPath(source);
    try {
      place(source, destination, options);
    } catch (cause) {
      const code = codeOf(cause);
      if (code === "EXDEV") return await publishCopy(source, destination, options);
      if (!permit.replaces || !NO_RENAME.includes(code) || !isFile(path)) throw cause;
      return await writeInPlace(source, path);
    }
    syncFolder(parentOf(path));
    return restamp(path, before);
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw fileFault(`Cannot write ${inQuotes(path)}`, cause);
  }
}

/** The system's errors where no file can take the place of another, which may be writable itself. */
const NO_RENAME = ["EACCES", "EPERM", "EROFS", "EBUSY"];

/** The reason why a file can only be replaced by writing into it; undefined where another can take its place. */
export function whyInPlace(path: string): string | undefined {
  if (Deno.build.os === "windows") return;
  const stat = fs.lstatSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile()) return;
  const folder = parentOf(path);
  if (!canMakeIn(folder)) return "its folder can't be written to";
  if (fs.statSync(folder).dev !== stat.dev) return "it is a mount point";
}

function place(
  source: string,
  { path: destination, permit }: Destination,
  options: PublishOptions,
): void {
  if (permit.replaces && fs.statSync(destination, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Fault("destination", `Cannot write ${inQuotes(destination)}: it is a folder`);
  }
  const rights = rightsAt(destination);
  if (rights) setRights(source, rights, options.executable ? { executable: true } : {});
  if (permit.replaces) return fs.renameSync(source, destination);
  try {
    fs.linkSync(source, destination);
  } catch (cause) {
    const code = codeOf(cause);
    const exists = () =>
      new Fault("destination", `Cannot write ${inQuotes(destination)}: it exists already`);
    if (code === "EEXIST") throw exists();
    if (!NO_LINKS.includes(code)) throw cause;
    if (fs.lstatSync(destination, { throwIfNoEntry: false })) throw exists();
    return fs.renameSync(source, destination);
  }
  fs.rmSync(source);
}

/**
 * Writes a file into another, which keeps its rights: a reader may see parts of both, and what is cut off
 * half-way stays so until the next try. Returns its stamp, and removes the source.
 */
async function writeInPlace(source: string, path: string): Promise<FileStamp> {
  const { atime, mtime } = fs.statSync(source);
  const fd = fs.openSync(path, READ_WRITE);
  try {
    fs.ftruncateSync(fd, 0);
    await copyInto(source, fd);
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
  try {
    Deno.utimeSync(path, atime, mtime);
  } catch (error) {
    if (!cantHave(error)) throw error;
  }
  fs.rmSync(source);
  return stampOfPath(path);
}

function isFile(path: string): boolean {
  return fs.lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? "";
}

/**
 * The path that a file is copied to on the disk of its destination: the next try of the same finds what
 * one that was killed left, and no other file has it.
 */
export function copyPlaceOf(source: string, destination: string): string {
  const hash = createHash("sha256").update(`${source}\0${destination}`).digest("hex").slice(0, 16);
  return pathIn(parentOf(destination), hiddenName(hash, "partial"));
}

async function publishCopy(
  source: string,
  destination: Destination,
  options: PublishOptions,
): Promise<FileStamp> {
  const parent = parentOf(destination.path);
  const copy = copyPlaceOf(source, destination.path);
  try {
    // What a try that was killed left there.
    fs.rmSync(copy, { force: true });
    await copyFile(source, copy);
    const { atime, mtime } = fs.statSync(source);
    const fd = fs.openSync(copy, READ_WRITE);
    try {
      Deno.utimeSync(copy, atime, mtime);
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    const before = stampOfPath(copy);
    place(copy, destination, options);
    syncFolder(parent);
    fs.rmSync(source);
    return restamp(destination.path, before);
  } finally {
    fs.rmSync(copy, { force: true });
  }
}
