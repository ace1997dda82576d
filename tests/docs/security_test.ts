import { assert } from "@std/assert";

const TESTS = new URL("../", import.meta.url);
const PAGE = new URL("../../docs/security.md", import.meta.url);
/** The last column of a table's row: the tests that show what the row says. */
const LAST_CELL = /\|([^|]*)\|$/;
/** A file of tests, or the name of one in it: `…` stands for what is left out. */
const WORD = /((?:\w+\/)*\w+_test\.ts)|(?<![\w/])_([^_]+(?:_[^_\s]+)*)_(?!\w)/g;

Deno.test("docs/security.md: each test that it names is there", async () => {
  let named = 0;
  for (const line of (await Deno.readTextFile(PAGE)).split("\n")) {
    const [, cell = ""] = LAST_CELL.exec(line) ?? [];
    let source = "";
    let file = "";
    for (const [, path, name] of cell.matchAll(WORD)) {
      if (path) source = await Deno.readTextFile(new URL(file = path, TESTS));
      else if (file) {
        const parts = name.split("…").map((part) => part.trim()).filter((part) => part !== "");
        const isThere = titlesIn(source).some((title) =>
          parts.every((part) => title.includes(part))
        );
        assert(isThere, `docs/security.md names a test that ${file} does not have: ${name}`);
        named++;
      }
    }
  }
  assert(named > 30, `docs/security.md names only ${named} tests`);
});

/** The names of tests and of their cases, as a file has them between quotes. */
function titlesIn(source: string): string[] {
  return [...source.matchAll(/"((?:[^"\\\n]|\\.)+)"|`([^`]+)`/g)].map(([, quoted, template]) =>
    quoted ?? template
  );
}
