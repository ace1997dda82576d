import { Fault } from "../../fault.ts";
import { fileFault } from "../disk/file_stamp.ts";
import { safeName } from "../../content/safe_path.ts";
import {
  isAbsolute,
  isInside,
  nameOf,
  parentOf,
  pathIn,
  plainPath,
  realPath,
} from "../../system/paths.ts";

/** A path that goes up on its way, or ends where it is. */
const UPWARD = /(^|[\\/])\.\.([\\/]|$)|(^|[\\/])\.[\\/]*$/;

/**
 * Finds the file or folder that `file` means, and the name under which it is shared: a name under
 * `dir` first, then a path, absolute or relative to `cwd`. A file inside DIR has its path there for
 * a name, any other its last part. `dir` is absolute and free of links.
 *
 * Throws a `usage` Fault for a missing file, for a link inside DIR that leads out of it, and for a
 * name that can't be one.
 */
export async function resolveShare(
  file: string,
  { dir, cwd }: { dir: string; cwd: string },
): Promise<{ name: string; path: string }> {
  const cannot = `Cannot share ${JSON.stringify(file.slice(0, 200))}`;
  if (file === "" || file.includes("\0")) {
    throw new Fault("usage", `${cannot}: ${file === "" ? "it is empty" : "it has a NUL"}`);
  }
  const given = plainPath(file);
  const absolute = isAbsolute(file);
  // A name has no "..": with it, only a path from here can be meant.
  const named = absolute || UPWARD.test(given) ? [] : [pathIn(dir, given)];
  const candidates = absolute ? [given] : [...named, pathIn(cwd, given)];
  const found = await firstThatExists(candidates);
  if (found === undefined) throw new Fault("usage", `${cannot}: no such file or folder`);
  // The last part of such a path is no name.
  const path = /(^|\/)\.{1,2}\/*$/.test(found)
    ? await realPath(found)
    : found.replace(/(?<=.)\/+$/, "");
  let real: string;
  let place: string;
  try {
    real = await realPath(path);
    if (real === parentOf(real)) {
      throw new Fault("usage", `${cannot}: it has no name; share what is in it`);
    }
    const isLink = (await Deno.lstat(path)).isSymlink;
    // The folder may be reached by a link: its parent's real path says where the name itself lies.
    place = isLink ? pathIn(await realPath(parentOf(path)), nameOf(path)) : real;
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw fileFault(cannot, cause);
  }
  const within = isInside(dir, place) || (isInside(dir, path) && !UPWARD.test(path));
  if (!within) return { name: safeName(nameOf(place).normalize("NFC")), path: real };
  if (place === dir) throw new Fault("usage", `${cannot}: it is the shared folder itself`);
  if (!isInside(dir, place) || !isInside(dir, real)) {
    throw new Fault("usage", `${cannot}: it is a link that leaves ${dir}`);
  }
  return {
    name: safeName(place.slice(dir.length).replace(/^\//, "").normalize("NFC")),
    path: real,
  };
}

async function firstThatExists(paths: string[]): Promise<string | undefined> {
  for (const path of paths) {
    if (await Deno.lstat(path).catch(() => undefined)) return path;
  }
}
