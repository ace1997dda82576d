/** Rules for the tests themselves. */
import { assert } from "@std/assert";
import { dirname } from "node:path/posix";
import { sourceFiles } from "./source_files.ts";

const ROOT = new URL("../../", import.meta.url);
/** Folders of tests that mirror no folder under src/. */
const OF_THEIR_OWN = ["browser", "chaos", "docs", "e2e", "fuzz", "house", "release", "support"];

Deno.test("tests: each folder of unit tests mirrors a folder of src", async () => {
  const files = await Array.fromAsync(sourceFiles(["tests"]));
  const folders = new Set(files.map(({ path }) => dirname(path)));
  const mirrored = [...folders].filter((path) => !OF_THEIR_OWN.includes(path.split("/")[1]));
  assert(mirrored.length > 10);
  for (const path of mirrored) {
    const { isDirectory } = await Deno.stat(new URL(path.replace(/^tests/, "src"), ROOT));
    assert(isDirectory, path);
  }
});

Deno.test("tests: one that is skipped says why, none leaves a folder behind or sleeps", async () => {
  const rules: [pattern: RegExp, instead: string, allowed: string[]][] = [
    [/^\s*ignore[:,]/m, "skippedIf or testUnless", ["tests/support/tools.ts"]],
    // It throws at once where the program is missing, so the second function never sees that.
    [/\.output\(\)\s*\.then\(/, "lacking", []],
    // The bytes that a slow caller drips are a second apart.
    [/setTimeout\(resolve, \d_?\d{3}/, "eventually", ["tests/e2e/attack_bootstrap_flood_test.ts"]],
    [/\bDeno\.makeTempDir/, "TempFolder", ["tests/support/run_folder.ts", "tests/fuzz/fuzz.ts"]],
  ];
  for await (const { path, text } of sourceFiles(["tests"])) {
    for (const [pattern, instead, allowed] of rules) {
      if (allowed.includes(path) || path === "tests/house/tests_test.ts") continue;
      assert(!pattern.test(text), `${path} has ${pattern}: ${instead} does it`);
    }
  }
});

Deno.test("tests: one that is known to be flaky is there, and the list says why it is", async () => {
  const list = await Deno.readTextFile(new URL("tests/flaky.txt", ROOT));
  const known = list.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  for (const line of known) {
    const [, path, reason] = /^\.\/(tests\/\S+) => .+ # (.{20,})$/.exec(line) ?? [];
    assert(path && reason, `tests/flaky.txt: "${line}" names no test and reason`);
    await Deno.stat(new URL(path, ROOT));
  }
});
