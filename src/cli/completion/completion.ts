import type { CompletedCommand, Value } from "./completed_command.ts";
import type { Command } from "commander";
import { bashCompletion } from "./completion_bash.ts";
import { fishCompletion } from "./completion_fish.ts";
import { zshCompletion } from "./completion_zsh.ts";
import type { Shell } from "./shells.ts";
import { commandPath, walkCommands } from "../output/usage.ts";

/** A script that teaches a shell to complete the whole command tree. */
export function completionScript(shell: Shell, program: Command): string {
  const commands = describeCommands(program);
  switch (shell) {
    case "bash":
      return bashCompletion(commands);
    case "zsh":
      return zshCompletion(commands);
    case "fish":
      return fishCompletion(commands);
  }
}

/** The tree as lists: each command with what its help shows. */
export function describeCommands(program: Command): CompletedCommand[] {
  return [...walkCommands(program)].map((command) => {
    const help = command.createHelp();
    const options = [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)];
    const [argument] = command.registeredArguments;
    return {
      path: commandPath(command),
      commands: help.visibleCommands(command).map((child) => ({
        name: child.name(),
        description: child.summary() || child.description(),
      })),
      options: options.map((option) => ({
        short: option.short,
        long: option.long ?? "",
        description: option.description,
        value: option.required || option.optional
          ? option.argChoices ?? valueOf(option.flags)
          : "none",
      })),
      words: argument ? argument.argChoices ?? valueOf(argument.name()) : "none",
    };
  });
}

/** DIR stands for a folder, PATH and FILE for a file: see `option` in options.ts. */
function valueOf(name: string): Value {
  if (/\bDIR\b/.test(name)) return "folder";
  return /\b(PATH|FILE)\b/.test(name) ? "file" : "text";
}
