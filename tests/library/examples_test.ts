/** The examples in the doc comments of the library: each runs as a program of its own. */
import { assert, assertEquals } from "@std/assert";
import { sourceFiles } from "../house/source_files.ts";
import { TempFolder } from "../support/temp_folder.ts";

const ROOT = new URL("../../", import.meta.url);
const CONFIG = decodeURIComponent(new URL("deno.json", ROOT).pathname);

/** The TypeScript between fences, in doc comments or on a page, and where it stands. */
function examplesIn(path: string, text: string): { at: string; code: string }[] {
  return [...text.matchAll(/^(?: *\* )?```ts\n([^]*?)^(?: *\* )?```$/gm)].map((match) => ({
    at: `${path}:${text.slice(0, match.index).split("\n").length}`,
    code: match[1].replace(/^ *\*(?: |$)/gm, ""),
  }));
}

async function deno(cwd: string, ...args: string[]) {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    ...{ args, cwd },
    env: { NO_COLOR: "1" },
  }).output();
  const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { success, out, error };
}

Deno.test("library: the examples in its docs run, end by themselves and print nothing", async () => {
  await using folder = await TempFolder.create();
  const examples: ReturnType<typeof examplesIn> = [];
  for (const path of ["mod.ts", "docs/library.md"]) {
    examples.push(...examplesIn(path, await Deno.readTextFile(new URL(path, ROOT))));
  }
  for await (const { path, text } of sourceFiles(["src/library"])) {
    examples.push(...examplesIn(path, text));
  }
  assert(examples.length >= 9, `only ${examples.length} examples`);
  const files = await Promise.all(
    examples.map(({ code }, index) => folder.write(`${index}/example.ts`, code)),
  );
  const checked = await deno(folder.path, "check", "--quiet", "--config", CONFIG, ...files);
  assertEquals([checked.error, checked.success], ["", true]);
  await Promise.all(examples.map(async ({ at }, index) => {
    const run = ["run", "--quiet", "--no-check", "--no-prompt", "--config", CONFIG];
    const permissions = ["net", "read", "write", "env", "sys"].map((one) => `--allow-${one}`);
    const { success, out, error } = await deno(
      folder.at(`${index}`),
      ...[...run, ...permissions, "example.ts"],
    );
    assertEquals([out, error, success], ["", "", true], at);
  }));
});

Deno.test("library: every symbol that it exports has docs", async () => {
  const { success, error } = await deno(
    decodeURIComponent(ROOT.pathname),
    "doc",
    "--lint",
    "mod.ts",
  );
  assert(success, error);
});
