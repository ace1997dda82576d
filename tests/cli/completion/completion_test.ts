import { assertEquals } from "@std/assert";
import { completionScript } from "../../../src/cli/completion/completion.ts";
import { SHELLS } from "../../../src/cli/completion/shells.ts";
import { plainProgram } from "../../../src/cli/program/plain_program.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { lacking, testUnless } from "../../support/tools.ts";

/** Runs a shell with a script on its standard input. */
async function runShell(shell: string, args: string[], script: string) {
  const child = new Deno.Command(shell, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

for (const shell of SHELLS) {
  testUnless(lacking(shell), `the ${shell} completion is a valid script`, async () => {
    const ran = await runShell(shell, ["-n"], completionScript(shell, plainProgram()));
    assertEquals(ran, { code: 0, text: "" });
  });
}

testUnless(lacking("bash"), "bash completes commands, options, values and files", async () => {
  await using folder = await TempFolder.create();
  await folder.mkdir("some folder");
  await folder.write("some * file", "");
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
  const script = completionScript("bash", plainProgram()) + `cd '${folder.path}'\n` +
    table.map(([words]) => `
      COMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _shoal
      printf '%s|' "\${COMPREPLY[@]}" | sed 's/$/\\n/'`).join("\n");
  const ran = await runShell("bash", [], script);
  const offered = ran.text.trimEnd().split("\n").map((line) => line.split("|").filter(Boolean));
  for (const [index, [words, expected]] of table.entries()) {
    assertEquals(offered[index].sort(), expected.toSorted(), words);
  }
});

testUnless(lacking("fish"), "fish completes commands, options, values and files", async () => {
  const script = completionScript("fish", plainProgram()) +
    ["peer g", "peer get --ov", "peer --log-level de", "completion z"]
      .map((words) => `complete -C "shoal ${words}" | string split -f1 \\t\n`).join("");
  const ran = await runShell("fish", ["--no-config"], script);
  assertEquals(ran.text.trimEnd().split("\n"), ["get", "--overwrite", "debug", "zsh"]);
});
