import { Fault, inQuotes, isOutOfBounds } from "../../fault.ts";
import { fileFault } from "../disk/file_stamp.ts";
import { STATE_FOLDER } from "../../content/safe_path.ts";
import { makeFolders } from "../../system/make_folders.ts";
import { syncFolder } from "../../system/sync_folder.ts";
import { checkStatePart } from "./state_part.ts";
import { pathIn, realPath } from "../../system/paths.ts";

/** The places in a state folder. All paths are absolute; `dir` is free of links. */
export interface StateFolder {
  /** The shared folder. */
  dir: string;
  /** Its state folder, DIR/.shoal, readable by its owner alone. */
  path: string;
  database: string;
  identity: string;
  /** Downloads that are not whole yet. */
  partials: string;
  /** The folder of uploads, until they are complete. */
  uploads: string;
  /** The manifests of folders that are shared. */
  manifests: string;
  /** Address and token of the control endpoint of the peer that runs here. */
  control: string;
  /** The mark of the place where this state was made: see state_origin.ts. */
  origin: string;
  /** The secret that signs webhooks, where there are any. */
  webhookKey: string;
  /** Leads a browser to the page, for as long as the link in it is good. */
  signIn: string;
}

/** The paths of the state of `dir`, whether or not it exists; `path` is where it is kept. */
export function stateFolderOf(
  dir: string,
  path: string = pathIn(dir, STATE_FOLDER),
): StateFolder {
  return {
    dir,
    path,
    database: `${path}/state.db`,
    identity: `${path}/identity.pem`,
    partials: `${path}/partials`,
    uploads: `${path}/uploads`,
    manifests: `${path}/manifests`,
    control: `${path}/control.json`,
    origin: `${path}/origin.json`,
    webhookKey: `${path}/webhook.key`,
    signIn: `${path}/sign_in.html`,
  };
}

/**
 * Makes the state folder of `dir`, and `dir` itself with `create`. With `state` the state is kept in that
 * folder, which must exist. Throws a `usage` Fault when `dir`
 * is missing or no folder, when anything of the state is a link or another user's, and a `disk` Fault
 * when it can't be written to.
 */
export async function openStateFolder(
  dir: string,
  { create = false, state }: { create?: boolean; state?: string } = {},
): Promise<StateFolder> {
  const cannot = `Cannot use ${inQuotes(dir)} as the shared folder`;
  try {
    if (create) makeFolders(dir);
    if (!(await Deno.stat(dir)).isDirectory) throw new Fault("usage", `${cannot}: it is a file`);
    const folder = stateFolderOf(await realPath(dir), state);
    await requireInBounds(folder.path);
    await Deno.mkdir(folder.path, { mode: 0o700 }).then(
      // What is synced in it is of no use where its own name is lost.
      () => syncFolder(folder.dir),
      (error) => {
        if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      },
    );
    checkParts(folder);
    const { mode } = await Deno.lstat(folder.path);
    // One that was copied or unpacked may be open to others.
    if (mode !== null && (mode & 0o077) !== 0) await Deno.chmod(folder.path, 0o700);
    return folder;
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    if (cause instanceof Deno.errors.NotFound) {
      throw new Fault("usage", `${cannot}: there is no such folder`, { cause });
    }
    throw fileFault(cannot, cause);
  }
}

/** A link planted in the state would lead keys and databases to wherever its maker likes. */
function checkParts(folder: StateFolder): void {
  checkStatePart(folder.path, "folder");
  const { database, identity, control, origin, signIn, partials, uploads, manifests } = folder;
  const journals = ["-wal", "-shm", "-journal"].map((ending) => database + ending);
  for (const path of [database, ...journals, identity, control, origin, signIn]) {
    checkStatePart(path, "file");
  }
  for (const path of [partials, uploads, manifests]) checkStatePart(path, "folder");
}

/**
 * Throws for a folder in /dev and its like: it can be looked at and made, but opening a file there
 * is refused.
 */
async function requireInBounds(folder: string): Promise<void> {
  try {
    (await Deno.open(`${folder}/none`)).close();
  } catch (error) {
    if (isOutOfBounds(error)) throw error;
  }
}
