import { getLogger } from "@logtape/logtape";
import { createHash } from "node:crypto";
import fs from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { Fault, inQuotes, messageOf } from "../../fault.ts";
import { canMakeIn } from "../disk/can_make_in.ts";
import { makeStatePart } from "./state_part.ts";
import { writeFault } from "../disk/file_stamp.ts";
import { foldName, hiddenName, STATE_FOLDER } from "../../content/safe_path.ts";
import { nearest, parentOf, pathIn, realPathSync } from "../../system/paths.ts";

const log = getLogger(["shoal", "store", "lock"]);

/**
 * The locks of this process: SQLite's locks are the process's own, and closing any descriptor frees
 * them.
 */
const held = new Set<string>();

/**
 * The right to write a path, against all other processes on the machine, whatever their DIR. It is
 * an empty file with the lock that SQLite takes on it: the system frees that however the process
 * ends, so the leftover of a dead one does no harm. It lies in the state folder of the shared
 * folder that the path is in; elsewhere beside the target, as `.HASH.shoal-lock`.
 */
export class TargetLock {
  readonly #place: string;
  readonly #file: Deno.FsFile;
  readonly #db: DatabaseSync | undefined;

  private constructor(place: string, file: Deno.FsFile, db: DatabaseSync | undefined) {
    this.#place = place;
    this.#file = file;
    this.#db = db;
    held.add(place);
  }

  /**
   * Takes the lock of a path, at once or never: throws a `held` Fault when another process has it,
   * and a `disk` Fault when the folder can't be written to. Then it lies in `locks` if what stands at the
   * path can be, and so holds among the processes of one shared folder only.
   */
  static take(path: string, locks?: string): TargetLock {
    const place = placeOf(path, locks);
    for (;;) {
      if (held.has(place)) throw taken(path);
      const file = openPlain(place, path);
      const db = tryLock(place, path, file);
      // Its last owner may have removed it between the opening and the locking.
      if (sameFile(place, file)) return new TargetLock(place, file, db);
      db?.close();
      file.close();
    }
  }

  [Symbol.dispose](): void {
    // Removed while it is still locked: after that it may be another process'.
    const removed = tryRemove(this.#place);
    this.#db?.close();
    this.#file.close();
    held.delete(this.#place);
    // Windows keeps what is open.
    if (!removed) tryRemove(this.#place);
  }
}

/** Found from the nearest folder above the path that exists: a download makes others when it is whole. */
function placeOf(path: string, fallback?: string): string {
  const folder = nearest(parentOf(path), (above) => fs.existsSync(above));
  try {
    const real = realPathSync(folder);
    // Some disks take several names for one.
    const meant = foldName(pathIn(real, path.slice(pathIn(folder, "").length)));
    const hash = createHash("sha256").update(meant).digest("hex").slice(0, 16);
    const locks = locksAbove(real) ??
      (canMakeIn(real) || !fs.existsSync(path) ? undefined : madeFallback(fallback));
    return pathIn(locks ?? real, locks === undefined ? hiddenName(hash, "lock") : hash);
  } catch (cause) {
    throw writeFault(path, cause);
  }
}

function madeFallback(locks: string | undefined): string | undefined {
  if (locks !== undefined) makeStatePart(locks);
  return locks;
}

/** The folder of locks in the state folder of the nearest shared folder; made if need be. */
function locksAbove(folder: string): string | undefined {
  for (let above = folder;; above = parentOf(above)) {
    const state = pathIn(above, STATE_FOLDER);
    if (fs.lstatSync(state, { throwIfNoEntry: false })?.isDirectory()) {
      try {
        fs.mkdirSync(`${state}/locks`, { recursive: true, mode: 0o700 });
        fs.accessSync(`${state}/locks`, fs.constants.W_OK | fs.constants.X_OK);
        return `${state}/locks`;
      } catch {
        // It is another process'.
        return undefined;
      }
    }
    if (above === parentOf(above)) return undefined;
  }
}

function openPlain(place: string, path: string): Deno.FsFile {
  const stat = fs.lstatSync(place, { throwIfNoEntry: false });
  // A link planted here would lead to where its maker likes.
  if (stat && !stat.isFile()) {
    throw new Fault("disk", `Cannot write ${inQuotes(path)}: ${place} is not a regular file`);
  }
  try {
    return Deno.openSync(place, { read: true, write: true, create: true, mode: 0o600 });
  } catch (cause) {
    throw writeFault(path, cause);
  }
}

/** Undefined where the file system has no locks: some network ones don't. */
function tryLock(place: string, path: string, file: Deno.FsFile): DatabaseSync | undefined {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(place);
    db.exec("PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return db;
  } catch (cause) {
    db?.close();
    if (/locked|busy/.test(messageOf(cause)) && !/protocol/.test(messageOf(cause))) {
      file.close();
      throw taken(path);
    }
    log.warning("{path} can't be locked: {why}", { path, why: messageOf(cause) });
  }
}

function sameFile(place: string, file: Deno.FsFile): boolean {
  const there = fs.statSync(place, { throwIfNoEntry: false });
  return there !== undefined && (Deno.build.os === "windows" || there.ino === file.statSync().ino);
}

function tryRemove(place: string): boolean {
  try {
    fs.rmSync(place, { force: true });
    return true;
  } catch {
    return false;
  }
}

function taken(path: string): Fault {
  return new Fault("held", `Cannot write ${inQuotes(path)}: another download is writing it`);
}
