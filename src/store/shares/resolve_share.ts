import { Fault } from "../../fault.ts";
import { fileFault } from "../disk/file_stamp.ts";
import { isInside, safeName } from "../../content/safe_path.ts";

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
  const absolute = file.startsWith("/") || /^[A-Za-z]:[\\/]/.test(file);
  // A name has no "..": with it, only a path from here can be meant.
  const named = absolute || UPWARD.test(file) ? [] : [`${dir}/${file}`];
  const candidates = absolute ? [file] : [...named, `${cwd}/${file}`];
  const found = normalise(await firstThatExists(candidates));
  if (found === undefined) throw new Fault("usage", `${cannot}: no such file or folder`);
  if (found === "") throw new Fault("usage", `${cannot}: it has no name; share what is in it`);
  // The last part of such a path is no name.
  const path = /(^|\/)\.{1,2}$/.test(found) ? await Deno.realPath(found) : found;
  const [parent, base] = split(path);
  let real: string;
  let place: string;
  try {
    real = await Deno.realPath(path);
    // The folder may be reached by a link: its parent's real path says where the name itself lies.
    place = `${await Deno.realPath(parent || "/")}/${base}`.replace("//", "/");
  } catch (cause) {
    throw fileFault(cannot, cause);
  }
  const within = isInside(dir, place) || (isInside(dir, path) && !UPWARD.test(path));
  if (!within) return { name: safeName(base.normalize("NFC")), path: real };
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

function normalise(path: string | undefined): string | undefined {
  return path?.replaceAll("\\", Deno.build.os === "windows" ? "/" : "\\").replace(/\/+$/, "");
}

function split(path: string): [string, string] {
  const at = path.lastIndexOf("/");
  return [path.slice(0, at), path.slice(at + 1)];
}
