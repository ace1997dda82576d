import { assert, assertEquals } from "@std/assert";
import { Command } from "commander";
import { manName, manPage, roff } from "../../src/cli/man_page.ts";
import { EXITS } from "../../src/cli/output/exit_code.ts";
import { plainProgram } from "../../src/cli/program/plain_program.ts";
import { walkCommands } from "../../src/cli/output/usage.ts";
import { addExamples } from "../../src/cli/verbs/verb_command.ts";
import { lacking, skippedIf } from "../support/tools.ts";

const DATE = { date: "2026-01-31" };

/** The page as groff shows it, and its complaints. */
async function groff(page: string): Promise<{ text: string; complaints: string }> {
  const args = ["-man", "-ww", "-Tutf8", "-P-cbou", "-rLL=200n"];
  const child = new Deno.Command("groff", {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(page));
  await writer.close();
  const { stdout, stderr } = await child.output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { text: decode(stdout), complaints: decode(stderr) };
}

Deno.test({
  ...skippedIf(lacking("groff"), "each command has a page that groff finds nothing wrong with"),
  async fn() {
    const names = new Set<string>();
    for (const command of walkCommands(plainProgram())) {
      const { text, complaints } = await groff(manPage(command, DATE));
      assertEquals(complaints, "", manName(command));
      names.add(manName(command));
      for (const option of command.options) assert(text.includes(option.flags), option.flags);
      for (const { exit, meaning } of Object.values(EXITS)) {
        assert(text.includes(` ${exit}`) && text.includes(meaning), `${exit} ${meaning}`);
      }
      for (const heading of ["NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "SEE ALSO"]) {
        if (command.parent) {
          assert(text.includes(`\n${heading}\n`), `${manName(command)} ${heading}`);
        }
      }
    }
    assert(names.has("shoal.1") && names.has("shoal-peer-get.1"), [...names].join(" "));
  },
});

Deno.test({
  ...skippedIf(lacking("groff"), "text is shown as it is, whatever it looks like to roff"),
  async fn() {
    const hard = [
      ".SH EVIL",
      "'br",
      "a\\fBb\\n",
      "it's -x --y `z` ^ ~",
      '"q" \\(dq',
      "naïve — 日本",
      "\\",
    ];
    const command = new Command("odd").description(hard[0]).option("--odd <X>", hard[2]);
    addExamples(command, hard);
    const { text, complaints } = await groff(manPage(command, DATE));
    assertEquals(complaints, "");
    for (const line of hard) assert(text.includes(line), `${line} in ${text}`);
  },
});

Deno.test("roff: one line, in ASCII, that is no request", () => {
  assertEquals(roff(".TP\nx"), "\\&.TP x");
  assertEquals(roff("'x' ü\u0007"), "\\&\\(aqx\\(aq \\[u00FC]");
});
