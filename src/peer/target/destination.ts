import { Fault, inQuotes } from "../../fault.ts";
import { fileFault } from "../../store/disk/file_stamp.ts";
import { makeFolders } from "../../system/make_folders.ts";
import type { HashCache } from "../../store/hash/hash_cache.ts";
import { findCaseCollision } from "../../store/disk/find_case_collision.ts";
import { pathOf, STATE_FOLDER } from "../../content/safe_path.ts";
import {
  isInside,
  nearestReal,
  parentOf,
  pathIn,
  plainPath,
  realPath,
} from "../../system/paths.ts";
import type { Taken } from "../../trust/choose_offer.ts";
import { type Destination, Permit, type PermitFlags } from "../../trust/permit.ts";
import type { GetRequest } from "../api/peer_api.ts";

/** The next step where something at the destination is replaced by no option. */
export const MOVE_AWAY = "move that away, or choose another place with -o, and run it again";

/** The destination of a download, and whether it is there already. */
export interface FilePlace extends Destination {
  /** True when a file with the same content stands there. */
  upToDate: boolean;
}

/** The part of a request that is about where a file goes, and what stands there. */
export type PlaceRequest = PermitFlags & Pick<GetRequest, "output">;

/**
 * The path of a request's file: `output`, a file or in an existing folder, or its name under `dir`.
 * Throws a `usage` Fault when it leads out of `dir` or its folder is missing, and a `destination` Fault
 * when something stands there under a name that some disks take for the same.
 */
export function destinationOf(
  { name, output }: Pick<GetRequest, "name" | "output">,
  dir: string,
): Promise<string> {
  return output === undefined ? underDir(dir, name) : underOutput(output, name, dir);
}

/**
 * Finds the destination of a request's file, and whether it is there. Throws as {@link
 * destinationOf} does, and a `destination` Fault when something else stands there and may not be
 * replaced.
 */
export async function settleDestination(
  request: PlaceRequest,
  content: { id: string; size: number; taken: Taken },
  { dir, cache }: { dir: string; cache: HashCache },
): Promise<FilePlace> {
  const path = await destinationOf(request, dir);
  const permit = Permit.decide(request, content.taken);
  const stat = await Deno.stat(path).catch(() => undefined);
  if (!stat && await Deno.lstat(path).catch(() => undefined)) {
    throw new Fault(
      "destination",
      `Cannot write ${inQuotes(path)}: it is a link that leads nowhere`,
      {
        next: MOVE_AWAY,
      },
    );
  }
  if (!stat) return { path, permit, upToDate: false };
  if (!stat.isFile) {
    const kind = stat.isDirectory ? "a folder" : "not a regular file";
    throw new Fault("destination", `Cannot write ${inQuotes(path)}: it is ${kind}`, {
      next: MOVE_AWAY,
    });
  }
  const leaves = isInside(dir, path) && !isInside(dir, await realPath(path));
  if (leaves && !request.overwrite) {
    throw new Fault(
      "destination",
      `Cannot write ${inQuotes(path)}: it is a link that leaves ${dir}`,
    );
  }
  const same = stat.size === content.size && !leaves &&
    (await cache.identify(path, { what: "compare", follow: true })).id === content.id;
  if (!same) permit.requireReplace(path);
  return { path, permit, upToDate: same };
}

/**
 * Makes the folders that a path under `dir` needs. Throws a `usage` Fault when a link on the way
 * leads out of `dir`: it may have been put there since the destination was settled.
 */
export async function makeParents(dir: string, path: string): Promise<void> {
  const parent = parentOf(path);
  try {
    await requireInside(dir, path);
    makeFolders(parent);
    await requireInside(dir, path);
  } catch (cause) {
    throw cause instanceof Fault ? cause : fileFault(`Cannot write ${inQuotes(path)}`, cause);
  }
}

/** Throws a `destination` Fault when something in `dir` has a name that some disks take for `name`. */
export async function requireNoCollision(dir: string, name: string): Promise<void> {
  const collision = await findCaseCollision(dir, name);
  if (collision === undefined) return;
  const why = "the same name but for case or Unicode form";
  throw new Fault(
    "destination",
    `Cannot write ${inQuotes(pathOf(dir, name))}: there is ${collision}, ${why}`,
    {
      next: MOVE_AWAY,
    },
  );
}

async function underDir(dir: string, name: string): Promise<string> {
  const path = pathOf(dir, name);
  await requireInside(dir, path);
  await requireNoCollision(dir, name);
  return path;
}

/**
 * Throws a `usage` Fault when the nearest folder above `path` that exists is not inside `dir`, and a
 * `destination` Fault when it is a file.
 */
export async function requireInside(dir: string, path: string): Promise<void> {
  for (let parent = parentOf(path);; parent = parentOf(parent)) {
    const real = await realPath(parent).catch(() => undefined);
    if (real === undefined && parent !== dir && parent !== parentOf(parent)) continue;
    if (real !== undefined && !(await Deno.stat(real)).isDirectory) {
      throw new Fault("destination", `Cannot write ${inQuotes(path)}: ${parent} is a file`, {
        next: MOVE_AWAY,
      });
    }
    if (real !== undefined && isInside(dir, real)) return;
    throw new Fault("usage", `Cannot write ${inQuotes(path)}: a link in it leaves ${dir}`);
  }
}

/**
 * Throws a `usage` Fault when `path` is the state folder of `dir`, or lies in it: what replaces or removes
 * there would take the peer's own memory.
 */
export async function requireNotOwn(dir: string, path: string): Promise<void> {
  const own = pathIn(dir, STATE_FOLDER);
  if (!isInside(own, await nearestReal(path))) return;
  throw new Fault("usage", `Cannot write ${inQuotes(path)}: ${own} is Shoal's own`);
}

async function underOutput(given: string, name: string, dir: string): Promise<string> {
  const output = plainPath(given);
  await requireNotOwn(dir, output);
  const stat = await Deno.stat(output).catch(() => undefined);
  if (isInside(dir, output)) await requireInside(dir, stat?.isDirectory ? `${output}/x` : output);
  if (stat?.isDirectory) return pathIn(output, name.split("/").pop()!);
  const parent = parentOf(output);
  if (!(await Deno.stat(parent).catch(() => undefined))?.isDirectory) {
    throw new Fault("usage", `Cannot write ${inQuotes(output)}: there is no folder ${parent}`);
  }
  return output;
}
