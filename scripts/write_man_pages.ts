/** Writes the manual pages of all commands to dist/man, as `deno task man` does. */
import { manName, manPage } from "../src/cli/man_page.ts";
import { walkCommands } from "../src/cli/output/usage.ts";
import { plainProgram } from "../src/cli/program/plain_program.ts";

/** The folder for the pages, from the project's root. */
const FOLDER = "dist/man";

// A rebuilt release has the same pages (reproducible-builds.org).
const epoch = Number(Deno.env.get("SOURCE_DATE_EPOCH") ?? Date.now() / 1000);
const date = new Date(epoch * 1000).toISOString().slice(0, 10);
await Deno.mkdir(FOLDER, { recursive: true });
for (const command of walkCommands(plainProgram())) {
  await Deno.writeTextFile(`${FOLDER}/${manName(command)}`, manPage(command, { date }));
}
