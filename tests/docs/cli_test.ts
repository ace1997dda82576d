/** docs/cli.md is what the command tree says. */
import { assertEquals } from "@std/assert";
import { plainProgram } from "../../src/cli/program/plain_program.ts";
import { cliReference } from "../../src/cli/reference.ts";

Deno.test("docs: docs/cli.md is as `deno task docs` writes it", async () => {
  const formatter = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--quiet", "--ext", "md", "--line-width=100", "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const [{ stdout }] = await Promise.all([
    formatter.output(),
    new Blob([cliReference(plainProgram())]).stream().pipeTo(formatter.stdin),
  ]);
  const page = await Deno.readTextFile(new URL("../../docs/cli.md", import.meta.url));
  assertEquals(page, new TextDecoder().decode(stdout));
});
