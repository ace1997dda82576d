/** The words of docs/style.md, as far as patterns can tell them. */
import { assertEquals } from "@std/assert";
import { readDoc } from "./imports.ts";
import { sourceFiles } from "./source_files.ts";

/** This file has the patterns in it. */
const THIS = "tests/house/words_test.ts";

/** Beginnings of a clause without a head. */
const HEADLESS = /^(who(se|m|ever)?|what(ever)?|told|how|when|as before)\b/i;
/** Peers and programs as persons. */
const AS_PERSONS =
  /\b(peers?|sources?|bootstraps?|callers?|members?|others?|those|(any|no|some)body)\s+whom?\b|\bwhoever\b/i;

/** A name or a path in a message, as it is. */
const UNQUOTED =
  /`Cannot [^:`$"]*(?:\$\{\w+\} )?\$\{(?:[\w#]+\.)*#?(?:name|path|dir|root|destination|output|list|file|key)\}/g;

Deno.test("words: a doc comment begins with a noun phrase or a verb", async () => {
  const wrong = await find((text) =>
    docComments(text).filter((comment) => HEADLESS.test(comment)).map((one) => one.slice(0, 80))
  );
  assertEquals(wrong, []);
});

Deno.test("words: a peer is a thing, never a person", async () => {
  const wrong = await find((text) => {
    const [found] = AS_PERSONS.exec(text.replace(/\n\s*(\*|\/\/)?\s*/g, " ")) ?? [];
    return found === undefined ? [] : [found];
  });
  assertEquals(wrong, []);
});

Deno.test("words: no name in the code has a word that the glossary replaced", async () => {
  const replaced = await replacedNames();
  const wrong = await find((text, path) =>
    !path.startsWith("src/")
      ? []
      : [...new Set(withoutComments(text).match(/[A-Za-z_]\w*/g))].filter((name) =>
        replaced.some((one) => one.test(name))
      )
  );
  assertEquals(wrong, []);
});

Deno.test("words: names and paths in messages are quoted", async () => {
  const wrong = await find((text, path) =>
    path.startsWith("src/") ? [...text.matchAll(UNQUOTED)].map(([found]) => found) : []
  );
  assertEquals(wrong, []);
});

/** Everything wrong in the modules, each with the module's path. */
async function find(wrongIn: (text: string, path: string) => string[]): Promise<string[]> {
  const wrong: string[] = [];
  for await (const { path, text } of sourceFiles()) {
    if (path === THIS) continue;
    wrong.push(...wrongIn(text, path).map((one) => `${path}: ${one}`));
  }
  return wrong;
}

function docComments(text: string): string[] {
  return [...text.matchAll(/\/\*\*\s*(?:\*\s*)?([^]*?)\*\//g)].map(([, comment = ""]) => comment);
}

/** Code without its comments and texts, near enough for a look at its names. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[^]*?\*\/|^\s*\/\/.*$|"(?:[^"\\\n]|\\.)*"|`[^`]*`/gm, "");
}

/** Patterns for names that contain a word, or words, between back-ticks in the glossary's last column. */
async function replacedNames(): Promise<RegExp[]> {
  const [, glossary = ""] = (await readDoc("docs/style.md")).split("## Glossary\n");
  const cells = [...glossary.matchAll(/^\|[^|\n]*\|[^|\n]*\|([^|\n]*)\|$/gm)];
  return cells.flatMap(([, cell = ""]) => [...cell.matchAll(/`(\w+)`/g)]).map(([, word = ""]) => {
    // `lane` is in laneOf, lanes, firstLane and LANES, and not in planes; a type stands for itself.
    if (/^[A-Z]/.test(word)) return new RegExp(`^${word}$`);
    const capital = word.charAt(0).toUpperCase() + word.slice(1);
    const upper = word.replace(/[A-Z]/g, "_$&").toUpperCase();
    const snake = upper.toLowerCase();
    return new RegExp(
      `(^|_)(${word}|${snake})s?([A-Z_]|$)|${capital}s?([A-Z]|$)|(^|_)${upper}S?(_|$)`,
    );
  });
}
