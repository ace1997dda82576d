import { assertEquals } from "@std/assert";
import { completionScript } from "../../src/cli/completion/completion.ts";
import { SHELLS } from "../../src/cli/completion/shells.ts";
import { plainProgram } from "../support/plain_program.ts";

/** Runs a shell with a script on its standard input; undefined where it isn't installed. */
async function runShell(shell: string, args: string[], script: string) {
  try {
    const child = new Deno.Command(shell, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    })
      .spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(script));
    await writer.close();
    const { code, stdout, stderr } = await child.output();
    return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

for (const shell of SHELLS) {
  Deno.test(`the ${shell} completion is a valid script`, async (t) => {
    const ran = await runShell(shell, ["-n"], completionScript(shell, plainProgram()));
    if (ran) assertEquals(ran, { code: 0, text: "" });
    else await t.step({ name: `${shell} is not installed`, ignore: true, fn() {} });
  });
}

Deno.test("bash completes commands, options, values and files", async (t) => {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/some folder`);
  await Deno.writeTextFile(`${folder}/some * file`, "");
  const table: [string, string[]][] = [
    ["shoal ''", ["bootstrap", "peer", "completion", "help"]],
    ["shoal peer g", ["get"]],
    ["shoal peer --dir X get --o", ["--on-done", "--on-error", "--output", "--overwrite"]],
    ["shoal peer get x --log-level de", ["debug"]],
    ["shoal peer get --log-format = ''", ["text", "json"]],
    ["shoal completion f", ["fish"]],
    ["shoal peer share som", ["some * file", "some folder"]],
    ["shoal peer get x -o som", ["some * file", "some folder"]],
    ["shoal peer --dir som", ["some folder"]],
    ["shoal peer get ''", []],
  ];
  const script = completionScript("bash", plainProgram()) + `cd '${folder}'\n` +
    table.map(([words]) => `
      COMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _shoal
      printf '%s|' "\${COMPREPLY[@]}" | sed 's/$/\\n/'`).join("\n");
  const ran = await runShell("bash", [], script);
  await Deno.remove(folder, { recursive: true });
  if (!ran) return void await t.step({ name: "bash is not installed", ignore: true, fn() {} });
  const offered = ran.text.trimEnd().split("\n").map((line) => line.split("|").filter(Boolean));
  for (const [index, [words, expected]] of table.entries()) {
    assertEquals(offered[index].sort(), expected.toSorted(), words);
  }
});

Deno.test("fish completes commands, options, values and files", async (t) => {
  const script = completionScript("fish", plainProgram()) +
    ["peer g", "peer get --ov", "peer --log-level de", "completion z"]
      .map((words) => `complete -C "shoal ${words}" | string split -f1 \\t\n`).join("");
  const ran = await runShell("fish", ["--no-config"], script);
  if (!ran) return void await t.step({ name: "fish is not installed", ignore: true, fn() {} });
  assertEquals(ran.text.trimEnd().split("\n"), ["get", "--overwrite", "debug", "zsh"]);
});
