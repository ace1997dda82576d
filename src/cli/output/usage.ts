import { type Command, InvalidArgumentError } from "commander";
import { Fault, messageOf } from "../../fault.ts";
import { columnsOf } from "./terminal.ts";

/** Columns of help that no terminal shows. */
const PIPED_COLUMNS = 80;

/** A command line that can't be followed. Its one-line message may carry a suggestion. */
export class UsageFault extends Fault {
  /** The command that tells more, such as `shoal peer --help`. */
  readonly help: string;

  constructor(message: string, help: string, options?: ErrorOptions) {
    super("usage", message, options);
    this.help = help;
  }
}

/** Thrown once the help or the version was printed: there is nothing left to do. */
export class HelpShown extends Error {
  override readonly name = "HelpShown";
}

/** The words that call a command: `shoal peer get`. */
export function commandPath(command: Command): string {
  const above = command.parent ? commandPath(command.parent) : "";
  return `${above} ${command.name()}`.trim();
}

/** A command and all below it, parents first. */
export function* walkCommands(command: Command): Generator<Command> {
  yield command;
  for (const child of command.commands) yield* walkCommands(child);
}

/**
 * Makes a whole tree throw {@link UsageFault} and {@link HelpShown} in place of exiting, and print
 * nothing by itself. Help takes at most so many columns. Returns what it would have printed to standard
 * output so far.
 */
export function takeOver(
  program: Command,
  columns = columnsOf(Deno.stdout) ?? PIPED_COLUMNS,
): () => string {
  let printed = "";
  for (const command of walkCommands(program)) {
    command.configureOutput({
      writeOut: (text) => printed += text,
      writeErr: () => {},
      getOutHelpWidth: () => columns,
    });
    command.exitOverride((error) => {
      if (error.exitCode === 0) throw new HelpShown();
      const bare = error.code === "commander.help";
      const message = bare ? "a command is missing" : messageOf(error).replace(/^error: /, "")
        .replace(/ is invalid\. /, " is invalid: ");
      throw new UsageFault(message, `${commandPath(command)} --help`, { cause: error });
    });
  }
  return () => printed;
}

/** Lets commander name the option or argument that a `usage` Fault is about. */
export function parsing<T>(
  parse: (text: string, before?: T) => T,
): (text: string, before?: T) => T {
  return (text, before) => {
    try {
      return parse(text, before);
    } catch (error) {
      throw new InvalidArgumentError(messageOf(error));
    }
  };
}
