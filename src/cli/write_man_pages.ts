/** Writes the manual pages of all commands to dist/man, as `deno task man` does. */
import { manName, manPage } from "./man_page.ts";
import { buildProgram } from "./program/program.ts";
import { walkCommands } from "./output/usage.ts";

/** Where to, from the project's root. */
const FOLDER = "dist/man";

const nothing = () => Promise.resolve();
const program = buildProgram({
  ...{ bootstrap: nothing, peer: nothing, verb: nothing, config: nothing, completion: nothing },
  ...{ installService: nothing, doctor: nothing, newKey: nothing, adoptState: nothing },
});
// Whoever builds a release again gets the same pages (reproducible-builds.org).
const epoch = Number(Deno.env.get("SOURCE_DATE_EPOCH") ?? Date.now() / 1000);
const date = new Date(epoch * 1000).toISOString().slice(0, 10);
await Deno.mkdir(FOLDER, { recursive: true });
for (const command of walkCommands(program)) {
  await Deno.writeTextFile(`${FOLDER}/${manName(command)}`, manPage(command, { date }));
}
