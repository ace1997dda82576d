import { resolve } from "node:path";
import { foldName, pathOf, safeName, whyUnsafe } from "../../../src/content/safe_path.ts";
import { isInside } from "../../../src/system/paths.ts";
import { must, unlessFault } from "../allow.ts";
import type { Target } from "../target.ts";
import { bytesOf, textOf } from "../text.ts";

const DIR = "/srv/files";
const NAMES = [
  ...[
    "a",
    "talks/2026/keynote.mp4",
    "../a",
    "a/../../b",
    "/etc/passwd",
    "C:\\x",
    "\\\\host\\share",
  ],
  ...[
    ".shoal/identity.pem",
    ".SHOAL",
    ".\u017fhoal",
    ".sh\u200coal",
    "a:b",
    "CON",
    "com\u00b9.txt",
  ],
  ...["cafe\u0301", "caf\u00e9", "\ud800", "a\u0000b", "a\nb", "a.", "a ", "x".repeat(256), "a//b"],
  ...["x/".repeat(63) + "x", "é/".repeat(341), "\u202egpj.exe", "İ", "ẞ", "ﬀ", "nul .txt", "~/x"],
];

/** A name that is accepted stays in DIR, out of the state folder, and is its own only spelling. */
export const names: Target = {
  name: "names",
  weight: 70,
  seeds: NAMES.map(bytesOf),
  run(input) {
    const name = textOf(input);
    for (const os of ["linux", "darwin", "windows"]) {
      if (whyUnsafe(name, os) !== undefined) continue;
      must(bytesOf(name).length <= 1_024, "it is short");
      must(!/\p{Cc}/u.test(name), "it has no control characters");
      const path = os === "windows" ? name.replaceAll("\\", "/") : name;
      const whole = resolve(DIR, path);
      must(whole === `${DIR}/${path}`, "there is one way to write it");
      must(isInside(DIR, whole) && !isInside(`${DIR}/.shoal`, whole), "it lies in DIR");
      must(!foldName(name).startsWith(".shoal/"), "no disk takes it for the state folder");
    }
    const path = unlessFault(["usage"], () => pathOf(DIR, name));
    if (path !== undefined) must(path === `${DIR}/${safeName(name)}`, "it is the name under DIR");
    if (input.length > 4_096) return;
    const folded = foldName(name);
    must(foldName(folded) === folded, "what is folded stays so");
    must(foldName(name.normalize("NFD")) === folded, "its form doesn't matter");
  },
};
