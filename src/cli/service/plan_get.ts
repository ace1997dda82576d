import type { Command } from "commander";
import { Fault, inQuotes } from "../../fault.ts";
import type { PeerFlags } from "../args/options.ts";
import { plainProgram } from "../program/plain_program.ts";
import { HelpShown, takeOver, UsageFault } from "../output/usage.ts";
import type { VerbLine } from "../verbs/verb_command.ts";
import { GET_OPTIONS } from "../verbs/get_options.ts";
import { flagsOf } from "../args/cli_option.ts";
import { absolutePath, isAbsolute, nameOf, parentOf } from "../../system/paths.ts";

const HELP = "shoal peer install-service --help";

/** A `get` that is to run by the clock. */
export interface PlannedGet {
  /** The names that it fetches, and the list that has more, as a description shows them. */
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
  const program = plainProgram({
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
  const { args, command } = one.line;
  const { output, receipt, fromFile } = flagsOf(command, GET_OPTIONS);
  if (args.length === 0 && fromFile === undefined) {
    throw new UsageFault("missing required argument 'NAME', or --from-file", HELP);
  }
  if (fromFile !== undefined && !isAbsolute(fromFile)) throw relative("read", fromFile);
  const names = [...args, ...(fromFile === undefined ? [] : [nameOf(absolutePath(fromFile))])];
  const writable = [...outsideOf(output), ...outsideOf(receipt)];
  return { names, flags: one.flags, dir: givenDir(command.parent!), writable };
}

/** The shared folder that a command was told of, in whatever way: an absolute path. */
export function givenDir(command: Command): string | undefined {
  const source = command.getOptionValueSource("dir");
  return source === undefined || source === "default"
    ? undefined
    : absolutePath(command.opts().dir);
}

function outsideOf(output: unknown): string[] {
  if (typeof output !== "string") return [];
  const path = absolutePath(output);
  if (isAbsolute(output)) return [/[/\\]$/.test(output) ? path : parentOf(path)];
  throw relative("write to", output);
}

function relative(what: string, path: string): Fault {
  return new Fault("usage", `Cannot ${what} ${inQuotes(path)}: a service needs an absolute path`);
}
