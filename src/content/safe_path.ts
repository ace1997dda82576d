/**
 * The one place that decides what a name may be, and which path it stands for. A name is a relative
 * POSIX path in NFC, without control characters; on Windows, its rules hold besides.
 */
import { Fault } from "../fault.ts";
import { pathIn, plainPath } from "../system/paths.ts";

/** The state folder inside DIR; no name reaches into it. */
export const STATE_FOLDER = ".shoal";

/** The names of what Shoal keeps beside a target while it writes there: see {@link hiddenName}. */
const HIDDEN = /^\.[0-9a-f-]{12,36}\.shoal-(partial|lock)$/i;

/** Most bytes in a name, as UTF-8. */
export const NAME_CAP = 1_024;
/** Most bytes in one part of a name: the limit of ext4, APFS and NTFS. */
const PART_CAP = 255;
/** Most parts in a name. */
const DEPTH_CAP = 64;

// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
/** Characters that Windows doesn't allow, `:` among them (drives and alternate streams). */
const FORBIDDEN = /[<>:"\\|?*]/;
/** Device names of Windows, with or without an extension, and blanks before that. */
const RESERVED = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$|clock\$) *(\.|$)/i;
/** Characters that HFS+ ignores when it compares names: Apple's technote 1150. */
const IGNORED = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/** Short names that Windows may give the state folder. */
const SHORTENED = /^shoal~\d+$/i;

const encoder = new TextEncoder();

/**
 * The reason why `name` can't be a name on a system, by default this one; undefined when it can.
 */
export function whyUnsafe(name: string, os: string = Deno.build.os): string | undefined {
  if (name === "") return "it is empty";
  if (name.length > NAME_CAP || encoder.encode(name).length > NAME_CAP) {
    return `it is longer than ${NAME_CAP} bytes`;
  }
  if (CONTROL.test(name)) return "it has a control character";
  if (/^(\/|\\\\|[A-Za-z]:[\\/])/.test(name)) return "it is absolute";
  if (!name.isWellFormed()) return "it is not valid Unicode";
  if (name !== name.normalize("NFC")) return "it is not in Unicode's composed form (NFC)";
  const parts = name.split("/");
  if (parts.length > DEPTH_CAP) return `it has more than ${DEPTH_CAP} parts`;
  for (const part of parts) {
    if (part === "") return "a part of it is empty";
    if (part === "." || part === "..") return `it has the part ${part}`;
    if (encoder.encode(part).length > PART_CAP) return `a part of it is over ${PART_CAP} bytes`;
    if (os === "windows") {
      if (FORBIDDEN.test(part)) return `Windows doesn't allow ${FORBIDDEN.exec(part)![0]} in it`;
      if (/[. ]$/.test(part)) return "a part of it ends with a dot or a space";
      if (RESERVED.test(part)) return `${part} is reserved on Windows`;
    }
  }
  // In upper case, because file systems that ignore case take a long s (U+017F) for an s, too.
  const [top = ""] = parts;
  const own = top.replace(IGNORED, "").toUpperCase() === STATE_FOLDER.toUpperCase();
  if (own || (os === "windows" && SHORTENED.test(top))) {
    return `${STATE_FOLDER} is Shoal's own`;
  }
}

/** The name of what is kept beside a target for as long as it is written; `key` is 12 to 36 hex digits. */
export function hiddenName(key: string, kind: "partial" | "lock"): string {
  return `.${key}.shoal-${kind}`;
}

/** True for a {@link hiddenName}. */
export function isHidden(part: string): boolean {
  return HIDDEN.test(part);
}

/** A name as a user gave it, in the form that names have: in NFC; on Windows `\` is `/`, as in paths. */
export function givenName(text: string): string {
  return plainPath(text).normalize("NFC");
}

/** `name`, when it can be one. Throws a `usage` Fault that says why it can't. */
export function safeName(name: string): string {
  const why = whyUnsafe(name);
  if (why) throw new Fault("usage", `Cannot use ${JSON.stringify(name.slice(0, 80))}: ${why}`);
  return name;
}

/** The path that a name stands for inside `dir`. Throws as {@link safeName} does. */
export function pathOf(dir: string, name: string): string {
  return pathIn(dir, safeName(name));
}

/**
 * The same for all names that some disk takes for one: NTFS, APFS and others ignore case, APFS and
 * HFS+ Unicode's form. Only for comparing, never for a path.
 */
export function foldName(name: string): string {
  // Small, capital, small: that also brings together what has several small forms, such as the sharp s.
  return name.normalize("NFD").toLowerCase().toUpperCase().toLowerCase().normalize("NFC");
}

/** The names of the folders that a name lies in, the nearest first. */
export function* foldersAbove(name: string): Generator<string> {
  for (let at = name.lastIndexOf("/"); at > 0; at = name.lastIndexOf("/", at - 1)) {
    yield name.slice(0, at);
  }
}
