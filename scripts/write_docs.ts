/** Writes docs/cli.md from the command tree, as `deno task docs` does; tests/docs/cli_test.ts compares. */
import { plainProgram } from "../src/cli/program/plain_program.ts";
import { cliReference } from "../src/cli/reference.ts";

await Deno.writeTextFile("docs/cli.md", cliReference(plainProgram()));
