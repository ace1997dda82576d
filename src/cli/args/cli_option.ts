import { type Command, Option } from "commander";
import { parsing } from "../output/usage.ts";

declare const VALUE: unique symbol;

/**
 * An option of the command line, and the type of what it comes to. Its help, environment variable, key
 * of the config file, completion and page in docs/cli.md all follow from it. The name of its value says
 * what is completed: DIR a folder, PATH, FILE and LIST a file.
 */
export class CliOption<out T> extends Option {
  declare readonly [VALUE]: T;
  /** True for one that makes no sense in the shell of a running peer. */
  readonly once: boolean;
  /** True for one that has a verb listen as a peer does. */
  readonly listens: boolean;

  constructor(flags: string, description: string, { variable, conflicts, once, listens }: Parts) {
    super(flags, description);
    this.once = once === true;
    this.listens = listens === true;
    const own = `SHOAL_${this.name().replaceAll("-", "_").toUpperCase()}`;
    if (variable !== null) this.env(variable ?? own);
    if (conflicts) this.conflicts(conflicts);
  }
}

interface Parts {
  /** Its environment variable, or null for none. Default its name: `SHOAL_LOG_LEVEL`. */
  variable?: string | null;
  /** Attributes of options that can't stand beside it. */
  conflicts?: string[];
  once?: true;
  listens?: true;
}

interface ValueParts<T> extends Parts {
  /** Throws what is no value. `before` is what an option that was said before came to. */
  parse?(text: string, before?: T): T;
  choices?: readonly T[];
}

/** Options by what commander calls them: `logLevel` for `--log-level`, `clobber` for `--no-clobber`. */
export type OptionTable = Readonly<Record<string, CliOption<unknown>>>;

type ValueOf<O> = O extends CliOption<infer T> ? T : never;

/** The values of a table's options. */
export type FlagsOf<O> =
  & { [K in keyof O as undefined extends ValueOf<O[K]> ? never : K]: ValueOf<O[K]> }
  & { [K in keyof O as undefined extends ValueOf<O[K]> ? K : never]?: ValueOf<O[K]> };

/** A switch. */
export function flag(
  flags: `${string}--${string}`,
  description: string,
  parts: Parts = {},
): CliOption<boolean | undefined> {
  return new CliOption(flags, description, parts);
}

/** A switch that is on unless `--no-…` is said. */
export function negative(
  flags: `--no-${string}`,
  description: string,
  parts: Parts = {},
): CliOption<boolean | undefined> {
  return new CliOption(flags, description, parts);
}

/** An option with a value: text, unless it is parsed. */
export function option<T = string>(
  flags: string,
  description: string,
  parts: ValueParts<T> & { otherwise: T },
): CliOption<T>;
export function option<T = string>(
  flags: string,
  description: string,
  parts?: ValueParts<T>,
): CliOption<T | undefined>;
export function option<T>(
  flags: string,
  description: string,
  { parse, choices, otherwise, ...parts }: ValueParts<T> & { otherwise?: T } = {},
): CliOption<T | undefined> {
  const made = new CliOption<T | undefined>(flags, description, parts);
  if (choices) made.choices(choices.map(String));
  if (parse) made.argParser(parsing(parse));
  if (otherwise !== undefined) made.default(otherwise);
  return made;
}

/** Adds the options of a table to a command. */
export function addOptions(command: Command, table: OptionTable): void {
  for (const [attribute, option] of Object.entries(table)) {
    const name = option.attributeName();
    if (name !== attribute) throw new Error(`${option.flags} is ${name}, not ${attribute}`);
    command.addOption(option);
  }
}

/** The values of a table's options, once a command line was parsed. */
export function flagsOf<O extends OptionTable>(command: Command, _table: O): FlagsOf<O> {
  return command.opts();
}
