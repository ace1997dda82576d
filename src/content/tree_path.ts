/**
 * Paths inside a shared folder: relative, with `/`, in NFC. They are names (content/safe_path.ts says what
 * those may be), and Shoal's own folders are left out at any depth: they hold keys.
 */
import { isHidden, STATE_FOLDER, whyUnsafe } from "./safe_path.ts";

/** Most bytes in the target of a link. */
const TARGET_CAP = 1_024;

/**
 * The reason why `path` can't be a path in a folder on a system, by default this one; undefined
 * when it can.
 */
export function whyUnsafePath(path: string, os?: string): string | undefined {
  const why = whyUnsafe(path, os);
  if (why) return why;
  const own = path.split("/").find(isOwn);
  if (own !== undefined) return `${isHidden(own) ? own : STATE_FOLDER} is Shoal's own`;
}

/** True for the name of a state folder, in any case of letters, and of what is kept beside a target. */
export function isOwn(part: string): boolean {
  return isHidden(part) ||
    part.length === STATE_FOLDER.length && part.toUpperCase() === STATE_FOLDER.toUpperCase();
}

/** Less than 0 when `a` comes before `b`, by their bytes as UTF-8, which is the order of code points. */
export function comparePaths(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (x !== y) return isSurrogate(x) === isSurrogate(y) ? x - y : isSurrogate(x) ? 1 : -1;
  }
  return a.length - b.length;
}

/**
 * True when a link leads to a place in the folder. Only its first parts may be `..`: these it goes up
 * through real folders. What follows may lead through other links, for which the same holds.
 */
export function isTargetInside(path: string, target: string): boolean {
  if (target.length > TARGET_CAP) return false;
  const parts = target.split("/");
  const up = parts.findIndex((part) => part !== "..");
  const down = up < 0 ? [] : parts.slice(up);
  const depth = path.split("/").length - 1;
  if ((up < 0 ? parts.length : up) > depth) return false;
  return down.length === 0 || whyUnsafePath(down.join("/")) === undefined;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}
