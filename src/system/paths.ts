/**
 * Paths of the system, in one form: absolute, with `/` between the parts on every system, as Windows
 * takes them as well, without `.` and `..`. What the system itself says of paths passes through here,
 * and a test of the house holds that.
 */
import fs from "node:fs";
import { posix, win32 } from "node:path";

/** A root on Windows: a drive, or a server's share. */
const WINDOWS_ROOT = /^(?:[A-Za-z]:\/|\/\/[^/]+\/[^/]+\/?)/;

/** The separator of folders in `$PATH`. */
export const PATH_DELIMITER = Deno.build.os === "windows" ? ";" : ":";

/** The system by whose rules paths are read; another one in tests. */
type System = typeof Deno.build.os;

/** A path as Shoal has it; on Windows `\` is `/`, and the prefix of long paths goes. */
export function plainPath(path: string, os: System = Deno.build.os): string {
  if (os !== "windows") return path;
  return path.replaceAll("\\", "/").replace(/^\/\/\?\/UNC\//i, "//").replace(/^\/\/\?\//, "");
}

/** True for a path that depends on no folder; on Windows also for `\x` and `C:x`, of the current drive. */
export function isAbsolute(path: string, os: System = Deno.build.os): boolean {
  return os === "windows" ? /^[\\/]|^[A-Za-z]:/.test(path) : path.startsWith("/");
}

/** The absolute path of `path`, which may be relative to a folder: the current one, unless one is given. */
export function absolutePath(path: string, folder: string = currentFolder()): string {
  const { resolve } = Deno.build.os === "windows" ? win32 : posix;
  return plainPath(resolve(folder, path));
}

/** The current folder. Throws when it was removed. */
export function currentFolder(): string {
  return plainPath(Deno.cwd());
}

/** The real path that a path leads to, spelled as it is on disk. Throws as the file system does. */
export async function realPath(path: string): Promise<string> {
  return plainPath(await Deno.realPath(path));
}

/** As {@link realPath}, at once. */
export function realPathSync(path: string): string {
  return plainPath(Deno.realPathSync(path));
}

/**
 * The real path that an absolute path leads to, or that of the nearest existing folder above it.
 */
export async function nearestReal(path: string): Promise<string> {
  const real = await realPath(path).catch(() => undefined);
  const above = parentOf(path);
  return real ?? (path === above ? path : await nearestReal(above));
}

/** The target of a link. Throws as the file system does. */
export function linkTarget(path: string): string {
  return plainPath(fs.readlinkSync(path));
}

/** The root that an absolute path begins with, `/` at its end. */
export function rootOf(path: string, os: System = Deno.build.os): string {
  const root = os === "windows" ? WINDOWS_ROOT.exec(path)?.[0] ?? "/" : "/";
  return root.endsWith("/") ? root : `${root}/`;
}

/** The folder that an absolute path lies in; a root is its own. */
export function parentOf(path: string, os: System = Deno.build.os): string {
  const root = rootOf(path, os);
  const above = path.replace(/\/+[^/]*$/, "");
  return above.length < root.length ? root : above;
}

/** The name of an absolute path in its folder; empty for a root. */
export function nameOf(path: string, os: System = Deno.build.os): string {
  return path.length < rootOf(path, os).length ? "" : path.slice(path.lastIndexOf("/") + 1);
}

/** The path of what is called `inside` in a folder, which may be a root. */
export function pathIn(folder: string, inside: string): string {
  return folder.endsWith("/") ? folder + inside : `${folder}/${inside}`;
}

/** True when `path` is `folder` or lies inside it; both absolute and free of links. */
export function isInside(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

/** The nearest of a path and the folders above it that `fits`; the root, where none does. */
export function nearest(path: string, fits: (path: string) => boolean): string {
  for (let at = path;;) {
    const above = parentOf(at);
    if (above === at || fits(at)) return at;
    at = above;
  }
}
