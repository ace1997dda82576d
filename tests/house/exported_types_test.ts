/** Exported types: each word is one type in all of src. */
import { assertEquals } from "@std/assert";
import { sourceFiles } from "./source_files.ts";

const TYPE = /^export (?:abstract )?(?:type|interface|class|enum) (\w+)/gm;

Deno.test("types: no two exported types have the same name", async () => {
  const places = new Map<string, string[]>();
  for await (const { path, text } of sourceFiles(["src"])) {
    if (!path.endsWith(".ts")) continue;
    for (const [, name] of text.matchAll(TYPE)) {
      places.set(name!, [...places.get(name!) ?? [], path]);
    }
  }
  const twice = [...places].filter(([, paths]) => new Set(paths).size > 1);
  assertEquals(twice, []);
});
