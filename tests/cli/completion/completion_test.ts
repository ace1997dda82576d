import { assert, assertEquals } from "@std/assert";
import { answerShell } from "../../../src/cli/completion/complete.ts";
import { SHELLS } from "../../../src/cli/completion/shells.ts";
import { STUBS } from "../../../src/cli/completion/stubs.ts";
import { commandPath, walkCommands } from "../../../src/cli/output/usage.ts";
import { plainProgram } from "../../../src/cli/program/plain_program.ts";
import { programWords, shoal } from "../../e2e/program.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { lacking, testUnless } from "../../support/tools.ts";

/** A shell that has not ended by then hangs, in milliseconds. */
const HUNG_MS = 60_000;

/** Runs a shell with a script on its standard input, and with this `shoal` first in $PATH. */
async function runShell(shell: string, args: string[], script: string) {
  await using bin = await TempFolder.create();
  const words = programWords().map((word) => `'${word}'`).join(" ");
  await bin.write("shoal", `#!/bin/sh\nexec ${words} "$@"\n`);
  await Deno.chmod(`${bin.path}/shoal`, 0o755);
  const child = new Deno.Command(shell, {
    args,
    env: { PATH: `${bin.path}:${Deno.env.get("PATH")}` },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  const timer = setTimeout(() => child.kill("SIGKILL"), HUNG_MS);
  const { code, stdout, stderr } = await child.output().finally(() => clearTimeout(timer));
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

/** Places that need no knowledge of the shell: the words so far, and what can follow. */
const TABLE: [words: string[], expected: string[]][] = [
  [["per"], []],
  [[""], ["bootstrap", "peer", "completion", "help"]],
  [["peer", "g"], ["get"]],
  [["peer", "--dir", "X", "get", "--o"], ["--output", "--overwrite", "--on-done", "--on-error"]],
  [["peer", "--dir", "get", "sh"], ["share"]],
  [["peer", "get", "x", "--log-level", "de"], ["debug"]],
  [["peer", "get", "--log-format=json", "--dry"], ["--dry-run"]],
  [["peer", "get", "--", "--o"], []],
  [["completion", "f"], ["fish"]],
  [["peer", "trust", "ac"], ["accept"]],
  [["peer", "get", ""], []],
  [["peer", "doctor", ""], []],
  [["peer", "--limit-up", ""], []],
];

Deno.test("completion: what can follow is answered from the tree, the same for each shell", () => {
  for (const shell of SHELLS) {
    for (const [words, expected] of TABLE) {
      const answer = answerShell(plainProgram(), [shell, String(words.length - 1), ...words]);
      const [kind, ...lines] = answer.trimEnd().split("\n");
      const offered = lines.map((line) => line.split(shell === "zsh" ? ":" : "\t")[0]);
      assertEquals([kind, ...offered], ["words", ...expected], words.join(" "));
    }
    const kinds: [string[], string][] = [
      [["peer", "share", "x"], "file"],
      [["peer", "get", "x", "-o", ""], "file"],
      [["peer", "get", "--receipt", ""], "file"],
      [["peer", "get", "--receipt=x"], "file"],
      [["peer", "status", "--dir", ""], "folder"],
      [["bootstrap", "new-key", "--rotate", ""], "file"],
    ];
    for (const [words, kind] of kinds) {
      const answer = answerShell(plainProgram(), [shell, String(words.length - 1), ...words]);
      assertEquals(answer, `${kind}\n`, words.join(" "));
    }
  }
  // A word that is empty may be missing, and what is no question has no answer.
  assertEquals(answerShell(plainProgram(), ["bash", "1", "completion"]).split("\n").length, 6);
  for (const args of [[], ["tcsh", "0", ""], ["bash", "x", ""], ["bash"]]) {
    assertEquals(answerShell(plainProgram(), args), "words\n");
  }
  assertEquals(
    answerShell(plainProgram(), ["fish", "1", "bootstrap", "--log-format=t"]),
    "words\n--log-format=text\t\n",
  );
});

Deno.test("completion: each command and option of the tree is offered", () => {
  for (const command of walkCommands(plainProgram())) {
    const words = commandPath(command).split(" ").slice(1);
    const offered = (typed: string) =>
      answerShell(plainProgram(), ["bash", String(words.length), ...words, typed]).split("\n");
    for (const option of command.options) {
      assert(offered("--").includes(option.long!), option.flags);
    }
    for (const child of command.commands) assert(offered("").includes(child.name()), child.name());
  }
});

Deno.test("completion: the program answers without a word too many, whatever stands there", async () => {
  const { code, stdout, stderr } = await shoal(["__complete", "bash", "1", "peer", "lim"]);
  assertEquals([code, stdout, stderr], [0, "words\nlimit\n", ""]);
  const odd = await shoal(["__complete", "bash", "2", "peer", "--dir", "\u0007'$(x)"], {
    env: { SHOAL_PORT: "no port", SHOAL_CONFIG: "/nonexistent" },
  });
  assertEquals([odd.code, odd.stdout, odd.stderr], [0, "folder\n", ""]);
  for (const shell of SHELLS) {
    const { code, stdout, stderr } = await shoal(["completion", shell]);
    assertEquals([code, stdout, stderr], [0, STUBS[shell], ""]);
  }
});

for (const shell of ["bash", "zsh", "fish"] as const) {
  testUnless(lacking(shell), `completion: the ${shell} script is a valid one`, async () => {
    assertEquals(await runShell(shell, ["-n"], STUBS[shell]), { code: 0, text: "" });
  });
}

testUnless(lacking("bash"), "completion: bash offers words, and names of files", async () => {
  await using folder = await TempFolder.create();
  await folder.mkdir("some folder");
  await folder.write("some * file", "");
  const table: [string, string[]][] = [
    ["shoal peer g", ["get"]],
    ["shoal peer get --log-format = ''", ["text", "json"]],
    ["shoal peer get --log-format = j", ["json"]],
    ["shoal peer get --log-format =", ["text", "json"]],
    ["shoal peer share som", ["some * file", "some folder"]],
    ["shoal peer get x --output = som", ["some * file", "some folder"]],
    ["shoal peer --dir som", ["some folder"]],
    ["shoal peer get ''", []],
  ];
  const script = STUBS.bash + `cd '${folder.path}'\n` +
    table.map(([words]) => `
      COMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _shoal
      printf '%s|' "\${COMPREPLY[@]}" | sed 's/$/\\n/'`).join("\n");
  const ran = await runShell("bash", [], script);
  const offered = ran.text.trimEnd().split("\n").map((line) => line.split("|").filter(Boolean));
  for (const [index, [words, expected]] of table.entries()) {
    assertEquals(offered[index]?.sort(), expected.toSorted(), words);
  }
});

testUnless(lacking("fish"), "completion: fish offers words, and names of files", async () => {
  await using folder = await TempFolder.create();
  await folder.mkdir("some folder");
  await folder.write("some file", "");
  const places = ["peer g", "peer get --ov", "peer --log-level de", "peer --log-format=j"];
  const script = STUBS.fish + `cd '${folder.path}'\n` +
    [...places, "completion z", "peer share som", "peer --dir som", "peer --dir=som"]
      .map((words) => `complete -C "shoal ${words}" | string split -f1 \\t\n`).join("");
  const ran = await runShell("fish", ["--no-config"], script);
  assertEquals(ran.text.trimEnd().split("\n"), [
    "get",
    "--overwrite",
    "debug",
    "--log-format=json",
    "zsh",
    "some file",
    "some folder/",
    "some folder/",
    "--dir=some folder/",
  ]);
});

testUnless(lacking("zsh"), "completion: zsh offers words, and names of files", async () => {
  await using folder = await TempFolder.create();
  await folder.write("only-file", "");
  await folder.write("shoal.zsh", STUBS.zsh);
  // In a terminal of its own, one key completes each line, and prints it in place of running it.
  const places = ["peer limi", "peer get --overw", "peer get --log-format=js", "peer share only"];
  const script = `
    zmodload zsh/zpty
    zpty z zsh -f -i
    zpty -w z "unsetopt beep; PS1=; cd '${folder.path}'; autoload compinit; compinit -D; . ./shoal.zsh"
    zpty -w z 'answer() { zle expand-or-complete; print -r -- "ANSWER: $BUFFER"; BUFFER= }'
    zpty -w z "zle -N answer; bindkey '^X' answer"
    zpty -w z "print READY-\$((1 + 1))"
    zpty -r -m z text '*READY-2*'
    for place in ${places.map((one) => `'${one}'`).join(" ")}; do
      zpty -w -n z "shoal $place"$'\x18'
      zpty -r -m z text $'*ANSWER: *\n'
      print -r -- \${\${text##*ANSWER: shoal }%%[[:space:]]#}
    done
    zpty -d z
  `;
  const { text } = await runShell("zsh", ["-f"], "setopt extendedglob\n" + script);
  assertEquals(text.trimEnd().split("\n").map((line) => line.trim()), [
    "peer limit",
    "peer get --overwrite",
    "peer get --log-format=json",
    "peer share only-file",
  ]);
});
