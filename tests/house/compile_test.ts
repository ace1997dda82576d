/** The program runs from source with what it is compiled with. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { compileWords, ENGINE, PERMISSIONS, TARGETS } from "../../scripts/compile.ts";

const { tasks } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));

Deno.test("compile: tasks that run from source have the permissions and flags of the binary", () => {
  const run = (permissions: string[], command: string) =>
    `deno run ${[...permissions, ENGINE].join(" ")} main.ts ${command}`;
  assertEquals(tasks.peer.command, run(PERMISSIONS, "peer"));
  // A bootstrap runs no other program.
  const fewer = PERMISSIONS.filter((one) => one !== "--allow-run");
  assertEquals(tasks.bootstrap.command, run(fewer, "bootstrap"));
  assertStringIncludes(tasks.fuzz.command, ENGINE);
});

Deno.test("compile: every binary has the same words but for its name and target", () => {
  const plain = compileWords("shoal");
  for (const [name, target] of Object.entries(TARGETS)) {
    const words = compileWords(name, target);
    assertEquals(
      words.filter((word) => !/^--(target|output)=/.test(word)),
      plain.filter((word) => !/^--output=/.test(word)),
    );
    assertEquals(
      words.filter((word) => word.endsWith(target) || word.endsWith(`/${name}`)).length,
      2,
    );
  }
  for (const [name, { command }] of Object.entries<{ command: string }>(tasks)) {
    if (name.startsWith("compile")) assertStringIncludes(command, "scripts/compile.ts");
  }
});
