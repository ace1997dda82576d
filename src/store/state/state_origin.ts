/**
 * The origin of a state folder. DIR may be foreign, such as a cloned repository: a state folder
 * that came with it says what to serve and where to write. So each state folder has a mark,
 * `origin.json`, which holds in two ways: the user's state home knows its secret number, or it
 * names the very folder that it lies in, on this machine. State whose mark doesn't hold is not used
 * before its user has taken it over (`shoal peer adopt-state`).
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import * as v from "valibot";
import { Fault } from "../../fault.ts";
import { writeFault } from "../disk/file_stamp.ts";
import { checkStatePart } from "./state_part.ts";
import type { StateFolder } from "./state_folder.ts";
import { stateHome } from "./state_home.ts";
import { makeFolders } from "../../system/make_folders.ts";
import { replaceFile } from "../../system/replace_file.ts";
import { readRegularText } from "../../system/open_regular.ts";

/** Most bytes of a mark that are read: one that Shoal wrote has some 300. */
const MARK_CAP = 4_096;

const Mark = v.object({
  /** Random, and known to this user's state home alone. */
  secret: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  /** The folder itself: device, inode and, where the file system knows it, the time it was made. */
  folder: v.string(),
  /** A hash of the machine's id, where it has one. */
  machine: v.string(),
});
type Mark = v.InferOutput<typeof Mark>;

/** Places of marks besides the state folder. Defaults are the system's. */
interface OriginOptions {
  home?: string;
  machine?: string;
}

/** True when the state in a folder was made here, or taken over; also when there is none yet. */
export function isOwnState(folder: StateFolder, options: OriginOptions = {}): boolean {
  if (!checkStatePart(folder.path, "folder")) return true;
  const { home = stateHome(), machine = machineId() } = options;
  // Another process may just be making this state: it has its mark before anything else.
  const mark = readMark(folder) ?? (isEmpty(folder) ? undefined : readMark(folder));
  if (!mark) return isEmpty(folder);
  if (home !== undefined && isKnownAt(home, mark)) return true;
  return mark.folder === folderId(folder.path) && mark.machine === machine;
}

/** Throws a `usage` Fault for state that was made elsewhere and not taken over. */
export function requireOwnState(folder: StateFolder, options?: OriginOptions): void {
  if (isOwnState(folder, options)) return;
  throw new Fault(
    "usage",
    `Cannot use the state in "${folder.path}": it was made in another place, or by another user`,
    {
      next: "if it is yours, moved or restored from a backup, look at it and take it over: " +
        "shoal peer adopt-state",
    },
  );
}

/**
 * Marks the state in a folder as made here, on the disk for good before this returns. An earlier mark
 * that holds is kept. Throws a `disk` Fault.
 */
export function markOwnState(folder: StateFolder, options: OriginOptions = {}): void {
  const { home = stateHome(), machine = machineId() } = options;
  const known = readMark(folder);
  const own = { folder: folderId(folder.path), machine };
  const holds = known && known.folder === own.folder && known.machine === machine;
  const mark = {
    secret: known && isOwnState(folder, options) ? known.secret : newSecret(),
    ...own,
  };
  if (!holds) writeMark(folder, mark);
  if (home !== undefined && !isKnownAt(home, mark)) {
    noteAtHome(home, mark, folder.path);
  }
}

/** True when nothing is there but perhaps a mark that is being written. */
function isEmpty({ path, origin }: StateFolder): boolean {
  return fs.readdirSync(path).every((name) => `${path}/${name}`.startsWith(`${origin}.`));
}

function readMark({ origin }: StateFolder): Mark | undefined {
  if (!checkStatePart(origin, "file")) return;
  try {
    const parsed = v.safeParse(Mark, JSON.parse(readRegularText(origin, { cap: MARK_CAP })));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}

function writeMark({ origin }: StateFolder, mark: Mark): void {
  try {
    replaceFile(origin, JSON.stringify(mark) + "\n");
  } catch (cause) {
    throw writeFault(origin, cause);
  }
}

/** Best effort: without a state home, the mark holds as long as the folder stays where it is. */
function noteAtHome(home: string, mark: Mark, path: string): void {
  try {
    makeFolders(`${home}/folders`, { mode: 0o700 });
    fs.writeFileSync(knownAt(home, mark), `${path}\n`, { mode: 0o600 });
  } catch {
    // Read-only, or none: services and containers have one like that.
  }
}

function isKnownAt(home: string, mark: Mark): boolean {
  try {
    return fs.existsSync(knownAt(home, mark));
  } catch {
    // A state home that this program may not look into knows nothing.
    return false;
  }
}

function knownAt(home: string, { secret }: Mark): string {
  return `${home}/folders/${secret}`;
}

/** An id that a folder has and a copy of it hasn't. */
function folderId(path: string): string {
  const { dev, ino, birthtimeNs } = fs.statSync(path, { bigint: true });
  return `${dev} ${ino} ${birthtimeNs}`;
}

/** Says of a mark on a disk that is carried about that it was made on this machine. */
function machineId(): string {
  try {
    const id = readRegularText("/etc/machine-id", { follow: true, cap: MARK_CAP }).trim();
    return createHash("sha256").update(`shoal/1 machine\0${id}`).digest("hex");
  } catch {
    return "";
  }
}

function newSecret(): string {
  return crypto.getRandomValues(new Uint8Array(32)).toHex();
}
