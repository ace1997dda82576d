/**
 * Writes docs/cli.md from the command tree and docs/openapi.json from the routes, as `deno task docs`
 * does; tests/docs compares.
 */
import { plainProgram } from "../src/cli/program/plain_program.ts";
import { cliReference } from "../src/cli/reference.ts";
import { openApi } from "./openapi.ts";

await Deno.writeTextFile("docs/cli.md", cliReference(plainProgram()));
await Deno.writeTextFile("docs/openapi.json", JSON.stringify(openApi(), null, 2) + "\n");
