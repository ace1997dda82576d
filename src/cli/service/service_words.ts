import type { Command, Option } from "commander";
import { type Address, formatAddress } from "../../wire/address.ts";
import { absolutePath } from "../../system/paths.ts";

/** Options that say how to print once, not how to serve. */
const ONCE = ["json", "quiet"];
/** Options that name files, which mean the same wherever the service runs. */
const PATHS = ["dir", "config"];
/** Options that name secrets: those are passed on in another way. */
const SECRETS = ["swarm-key"];

/** The source of a value, as commander names it. */
export type ValueSource = "cli" | "env" | "config";

/** The options of a command whose values come from one of these sources, as words for it. */
export function serviceWords(command: Command, sources: ValueSource[]): string[] {
  return command.options.flatMap((option) => {
    const name = option.name();
    if (ONCE.includes(name) || SECRETS.includes(name)) return [];
    const attribute = option.attributeName();
    const source = command.getOptionValueSource(attribute) as ValueSource | undefined;
    if (source === undefined || !sources.includes(source)) return [];
    return wordsOf(option, command.getOptionValue(attribute));
  });
}

function wordsOf(option: Option, value: unknown): string[] {
  const flag = option.long!;
  // `--no-…` stands for false, and true is what holds without it.
  if (option.negate) return value === false ? [flag] : [];
  if (value === true) return [flag];
  if (Array.isArray(value)) {
    return [
      flag,
      value.map((one: Address) => formatAddress(one)).join(","),
    ];
  }
  const text = String(value);
  return [flag, PATHS.includes(option.name()) ? absolutePath(text) : text];
}
