import type { Command } from "commander";
import { addOptions } from "../args/cli_option.ts";
import type { ExitCode } from "../output/exit_code.ts";
import type { Verb, VerbGroup } from "./verb.ts";

/** A verb with what was said after it, and what was said of the peer. */
export interface VerbLine {
  verb: Verb;
  args: string[];
  /** The verb's own options. */
  flags: Record<string, unknown>;
  command: Command;
}

interface VerbPlace {
  /** The words before the verb in examples: `shoal peer `, or nothing in the shell. */
  prefix: string;
  /** True outside the shell. */
  once: boolean;
}

/** Adds a verb, or a group of them, to the commands of `parent`; `act` is called when the verb is. */
export function addVerb(
  parent: Command,
  verb: Verb | VerbGroup,
  place: VerbPlace & { act: (line: VerbLine) => Promise<ExitCode | void> },
): void {
  const command = parent.command(verb.name).summary(verb.summary)
    .description(`${verb.summary.charAt(0).toUpperCase()}${verb.summary.slice(1)}.`);
  if ("verbs" in verb) {
    addExamples(command, verb.examples.map((example) => place.prefix + example));
    for (const one of verb.verbs) {
      addVerb(command, one, { ...place, prefix: `${place.prefix}${verb.name} ` });
    }
    return;
  }
  if (verb.arguments) command.argument(verb.arguments);
  const options = Object.entries(verb.options ?? {}).filter(([, one]) => place.once || !one.once);
  addOptions(command, Object.fromEntries(options));
  addExamples(command, verb.examples.map((example) => place.prefix + example));
  command.action(async () => {
    await place.act({ verb, args: command.args, flags: command.opts(), command });
  });
}

/** The examples of commands, for other places than their help. */
export const EXAMPLES = new WeakMap<Command, readonly string[]>();

/** Ends a command's help with examples. */
export function addExamples(command: Command, examples: string[]): void {
  EXAMPLES.set(command, examples);
  command.addHelpText("after", ["\nExamples:", ...examples].join("\n  "));
}
