import fs from "node:fs";
import { Fault, inQuotes } from "../../fault.ts";
import { canMakeIn } from "../../store/disk/can_make_in.ts";
import { isFolder } from "../../store/disk/is_folder.ts";
import { pathOf } from "../../content/safe_path.ts";
import { parentOf, pathIn, plainPath, realPathSync } from "../../system/paths.ts";
import type { Taken } from "../../trust/choose_offer.ts";
import { type Destination, Permit } from "../../trust/permit.ts";
import { MOVE_AWAY, type PlaceRequest, requireInside, requireNotOwn } from "./destination.ts";

/** The destination of a folder, and what stands there. */
export interface FolderPlace extends Destination {
  /** False when nothing stands there, or an empty folder. */
  exists: boolean;
}

/**
 * Finds the destination of a request's folder: its name under `dir`, or `output`: that path itself,
 * or the folder's own name in it where `output` ends with a slash. Throws a `destination` Fault
 * when something stands there that is no folder, and a `usage` Fault when the place leads out of
 * `dir` or its folder is missing.
 */
export async function settleFolder(
  request: PlaceRequest,
  taken: Taken,
  dir: string,
): Promise<FolderPlace> {
  const { name, output } = request;
  const permit = Permit.decide(request, taken);
  const path = placeOf({ name, output }, dir);
  if (output === undefined) await requireInside(dir, path);
  else await requireNotOwn(dir, path);
  const stat = fs.lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isSymbolicLink() && output !== undefined && isFolder(path)) {
    // One's own link to a folder is as good as that.
    const real = realPathSync(path);
    return filled({ path: real, permit, exists: holdsSomething(real) });
  }
  if (stat && !stat.isDirectory()) {
    const what = stat.isSymbolicLink() ? "a link" : "a file";
    const why = `it is ${what}, and ${name} is a folder`;
    throw new Fault("destination", `Cannot write ${inQuotes(path)}: ${why}`, { next: MOVE_AWAY });
  }
  if (!stat && output !== undefined && !isFolder(parentOf(path))) {
    throw new Fault(
      "usage",
      `Cannot write ${inQuotes(path)}: there is no folder ${parentOf(path)}`,
    );
  }
  return filled({ path, permit, exists: holdsSomething(path) });
}

/** An empty folder that another can't take the place of, such as a mount point, is one to be filled. */
function filled(place: FolderPlace): FolderPlace {
  if (place.exists || !isFolder(place.path) || !isFixed(place.path)) return place;
  return { ...place, permit: Permit.fill, exists: true };
}

/** True for a folder whose own folder can't be written to, and for a mount point. */
function isFixed(path: string): boolean {
  const above = parentOf(path);
  return !canMakeIn(above) || fs.statSync(above).dev !== fs.statSync(path).dev;
}

/** True for a folder with something in it. */
export function holdsSomething(path: string): boolean {
  return isFolder(path) && fs.readdirSync(path).length > 0;
}

/** The destination of a request's folder, by its words alone. */
export function placeOf({ name, output }: { name: string; output?: string }, dir: string): string {
  if (output === undefined) return pathOf(dir, name);
  const path = plainPath(output);
  return path.endsWith("/") ? pathIn(path, name.split("/").pop()!) : path;
}
