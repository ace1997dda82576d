import { createHash } from "node:crypto";
import fs from "node:fs";
import { hiddenName } from "../../content/safe_path.ts";
import { canMakeIn } from "../disk/can_make_in.ts";
import { isInside, nearest, parentOf, pathIn } from "../../system/paths.ts";

/**
 * The place of the partial of a content that goes to `path`: undefined for the folder of the partials, or
 * a hidden name beside the target, or in the nearest folder above it that exists. It lies beside a target
 * on another disk, since that one has to have the room; and outside of `dir`, or in a folder with a
 * group of its own, since a file has the rights of the folder that it was made in.
 */
export function partialPlace(
  id: string,
  path: string,
  { dir, partials }: { dir: string; partials: string },
): string | undefined {
  try {
    const near = nearest(parentOf(path), (above) => fs.existsSync(above));
    const [there, here] = [fs.statSync(near), fs.statSync(partials)];
    const alike = there.dev === here.dev && isInside(dir, near) && !hasOwnGroup(there, here);
    if (alike || !canMakeIn(near)) return;
    // By the target and the state as well: another process may fetch the same, to here or beside it.
    const what = `${id}\0${path}\0${partials}`;
    const key = createHash("sha256").update(what).digest("hex").slice(0, 16);
    return pathIn(near, hiddenName(key, "partial"));
  } catch {
    // The write itself will say why.
    return;
  }
}

/** True for a folder that gives its group to what is made in it, unless the other one does the same. */
function hasOwnGroup(folder: fs.Stats, other: fs.Stats): boolean {
  return (folder.mode & 0o2000) !== 0 && (folder.gid !== other.gid || (other.mode & 0o2000) === 0);
}
