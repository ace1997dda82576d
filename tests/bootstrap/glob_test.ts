import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Glob } from "../../src/bootstrap/glob.ts";

const CASES: [pattern: string, fits: string[], not: string[]][] = [
  ["", [""], ["a"]],
  ["abc", ["abc"], ["ab", "abcd", "xabc", "ABC"]],
  ["*", ["", "a", ".a", "ä🐟"], ["a/b", "/"]],
  ["*.txt", [".txt", "a.txt", "a.b.txt"], ["a.txt.gz", "d/a.txt"]],
  ["d/*", ["d/", "d/a"], ["d", "d/a/b"]],
  ["?", ["a", "🐟"], ["", "ab", "/"]],
  ["**", ["", "a", "a/b/c"], []],
  ["**/*.txt", ["a.txt", "d/a.txt", "d/e/a.txt"], ["a.md", "d.txt/a"]],
  ["a/**", ["a/", "a/b", "a/b/c"], ["a", "ab/c"]],
  ["a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/xb", "a/b/c"]],
  ["a**b", ["ab", "a/x/b"], ["a/bc"]],
  ["***", ["a/b"], []],
  ["[a-c]", ["a", "b", "c"], ["d", "-", ""]],
  ["[!a-c]", ["d", "-"], ["a", "/", ""]],
  ["[^a]", ["b"], ["a"]],
  ["[]-]", ["]", "-"], ["a"]],
  ["[!]]", ["a"], ["]"]],
  ["[.-0]", [".", "0"], ["/"]],
  ["[a", ["[a"], ["a"]],
  ["{a,b}", ["a", "b"], ["a,b", "{a,b}", ""]],
  ["{a,b{c,d},}x", ["ax", "bcx", "bdx", "x"], ["bx", "cx"]],
  ["{a,b", ["{a,b"], ["a"]],
  ["a,b}", ["a,b}"], ["a"]],
  ["{[}],a}", ["}", "a"], ["["]],
  ["{**/,}a", ["a", "x/y/a"], ["x/b"]],
  ["\\*\\", ["*\\"], ["a\\"]],
];

Deno.test("globs", () => {
  for (const [pattern, fits, not] of CASES) {
    const glob = new Glob(pattern);
    for (const name of fits) assert(glob.matches(name), `${pattern} should fit ${name}`);
    for (const name of not) assert(!glob.matches(name), `${pattern} should not fit ${name}`);
    for (const name of fits) assert(name.startsWith(glob.prefix), `${pattern}: ${glob.prefix}`);
  }
});

Deno.test("a glob without braces and classes means what the same RegExp means", () => {
  const piece = fc.constantFrom("*", "?", "**", "a", "b", "/", ".");
  const char = fc.constantFrom("a", "b", "/", ".", "🐟");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), fc.array(char, { maxLength: 8 }), (p, n) => {
      const [pattern, name] = [p.join(""), n.join("")];
      const source = pattern.replace(
        /(?<![^/])\*{2,}\/|\*{2,}|\*|\?|\./g,
        (part) =>
          part.length > 1 && part.endsWith("/") ? "(?:.*/)?" : part.length > 1 ? ".*" : {
            "*": "[^/]*",
            "?": "[^/]",
            ".": "\\.",
          }[part]!,
      );
      assertEquals(new Glob(pattern).matches(name), new RegExp(`^${source}$`, "su").test(name));
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("every pattern can be read, and a name without special characters fits itself", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), fc.string(), (pattern, name) => {
    new Glob(pattern).matches(name);
    const escaped = name.replace(/[\\*?[\]{},]/g, "\\$&");
    assert(new Glob(escaped).matches(name));
  }));
});

Deno.test("work grows with the pattern times the name, whatever the pattern", () => {
  const name = "a".repeat(1_023) + "b";
  const hostile = [
    "*a".repeat(512),
    "**/".repeat(341),
    "{a,a}".repeat(204),
    "{".repeat(500) + "*" + "}".repeat(500),
    "{*,*}".repeat(204) + "c",
    "{a*,".repeat(200) + "}".repeat(200),
    `*[${"a-b".repeat(330)}]*c`,
    `{${",".repeat(1_000)}}*b`,
  ];
  for (const pattern of hostile) {
    const glob = new Glob(pattern);
    glob.matches(name);
    assert(glob.work <= 4 * pattern.length * name.length, `${pattern.slice(0, 20)}: ${glob.work}`);
  }
});

Deno.test("a pattern that takes too many steps for one name fits nothing", () => {
  const name = "x".repeat(1_000);
  assert(new Glob("x*".repeat(20) + "x").matches(name));
  const hostile = new Glob("x*".repeat(500) + "x");
  assert(!hostile.matches(name));
  assert(hostile.work < 310_000, `${hostile.work}`);
});
