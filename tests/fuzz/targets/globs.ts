import { Glob } from "../../../src/bootstrap/glob.ts";
import { NAME_CAP } from "../../../src/content/safe_path.ts";
import { must } from "../allow.ts";
import type { Target } from "../target.ts";
import { bytesOf, textOf, twoOf } from "../text.ts";

const PAIRS = [
  ...["**/*.{iso,mp4}\ntalks/a.mp4", "[a-c]?\\*\nb🐟*", "{a,b{c,d},}x\nbcx", "a/**/b\na/x/y/b"],
  ...["[!]]\na", "{[}],a}\n}", "\\*\\\n*\\", "{**/,}a\nx/y/a", "***\na/b", "[.-0]\n0", "{{{,}\na"],
  ..."*a|**/|{a,a}|{*,*}|{a*,|[a-|?|{".split("|").map((unit) =>
    `${unit.repeat(150 / unit.length)}\n${"a".repeat(150)}b`
  ),
];

/** A pattern of strangers: the work that it makes is bounded, and it fits only what it should. */
export const globs: Target = {
  name: "globs",
  weight: 40,
  seeds: PAIRS.map(bytesOf),
  run(input) {
    const [first, second] = twoOf(textOf(input.subarray(0, 4 * NAME_CAP)));
    const pattern = first.slice(0, NAME_CAP);
    const name = second.slice(0, NAME_CAP);
    const glob = new Glob(pattern);
    const fits = glob.matches(name);
    must(glob.work <= 4 * (pattern.length + 1) * (name.length + 1), "its work is bounded");
    if (fits) must(name.startsWith(glob.prefix), "what fits begins with its prefix");
    // What is meant as itself fits itself, and nothing else.
    const literal = new Glob(pattern.replace(/[\\*?[\]{},]/g, "\\$&"));
    must(literal.matches(pattern) && literal.matches(name) === (name === pattern), "it is literal");
  },
};
