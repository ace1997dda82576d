import type { Command } from "commander";
import { dirname, isAbsolute, resolve } from "node:path";
import { Fault } from "../../fault.ts";
import type { PeerFlags } from "../options.ts";
import { buildProgram } from "../program.ts";
import { HelpShown, takeOver, UsageFault } from "../usage.ts";
import type { VerbLine } from "../verb_command.ts";

const HELP = "shoal peer install-service --help";

/** A `get` that is to run by the clock. */
export interface PlannedGet {
  names: string[];
  flags: PeerFlags;
  /** DIR, where the words say it. */
  dir?: string;
  /** Folders outside of DIR that it writes to. */
  writable: string[];
}

/**
 * Reads the words of `shoal peer …` as the program itself will. Throws a UsageFault for what isn't a
 * `get`, or can't be one of a service.
 */
export async function planGet(words: string[]): Promise<PlannedGet> {
  const seen: { line: VerbLine; flags: PeerFlags }[] = [];
  const nothing = () => Promise.resolve();
  const program = buildProgram({
    ...{ bootstrap: nothing, peer: nothing, config: nothing, completion: nothing },
    ...{ installService: nothing, doctor: nothing, newKey: nothing },
    verb: (line, flags) => Promise.resolve(void seen.push({ line, flags })),
  });
  takeOver(program);
  await program.parseAsync(["peer", ...words], { from: "user" }).catch((error) => {
    if (!(error instanceof HelpShown)) throw error;
  });
  const [one] = seen;
  if (one?.line.verb.name !== "get") {
    throw new UsageFault(`only 'get' can be run by the clock, not '${words[0]}'`, HELP);
  }
  const { args, flags, command } = one.line;
  const dir = givenDir(command.parent!);
  return { names: args, flags: one.flags, dir, writable: outsideOf(flags.output) };
}

/** The shared folder that a command was told of, in whatever way: an absolute path. */
export function givenDir(command: Command): string | undefined {
  const source = command.getOptionValueSource("dir");
  return source === undefined || source === "default" ? undefined : resolve(command.opts().dir);
}

function outsideOf(output: unknown): string[] {
  if (typeof output !== "string") return [];
  if (isAbsolute(output)) return [output.endsWith("/") ? resolve(output) : dirname(output)];
  throw new Fault("usage", `Cannot write to ${output}: a service needs an absolute path`);
}
