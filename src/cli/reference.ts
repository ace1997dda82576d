import type { Command, Option } from "commander";
import { type ConfigKey, knownKeys } from "./config/config_keys.ts";
import { EXITS } from "./output/exit_code.ts";
import { commandPath, walkCommands } from "./output/usage.ts";
import { EXAMPLES } from "./verbs/verb_command.ts";

/** docs/cli.md: the whole command tree, the config file's keys and the exit codes, in Markdown. */
export function cliReference(program: Command): string {
  const keys = knownKeys();
  const commands = [...walkCommands(program)].filter((command) => command.name() !== "help");
  const sections = commands.slice(1).map((command) => {
    const path = commandPath(command);
    const own = path === "shoal peer"
      ? keys.peer
      : path === "shoal bootstrap"
      ? keys.bootstrap
      : [];
    return describe(command, own);
  });
  return [
    "# The command line",
    "<!-- Written by `deno task docs` from the command tree. -->",
    "What `--help` says, on one page. An option beats its environment variable, that beats the " +
    "[config file](guide.md#config-file), and that beats the default. Options of `shoal peer` stand " +
    "before or after the verb. `help COMMAND` or `--help` shows all this in the terminal, " +
    "`deno task man` writes it as manual pages.",
    commands.slice(1).map((one) => linkTo(commandPath(one))).join(" · ") + " · " +
    linkTo("Exit codes"),
    ...sections.flat(),
    ...exitCodes(),
  ].join("\n\n") + "\n";
}

function describe(command: Command, keys: readonly ConfigKey[]): string[] {
  const help = command.createHelp();
  const options = help.visibleOptions(command).filter((option) => option.name() !== "help");
  const inherits = help.visibleGlobalOptions(command).length > 0;
  const children = help.visibleCommands(command).filter((child) => child.name() !== "help");
  return [
    `## ${commandPath(command)}`,
    command.description(),
    block([help.commandUsage(command)], "text"),
    ...table(
      ["argument", "meaning"],
      help.visibleArguments(command).map((
        one,
      ) => [code(one.name()), help.argumentDescription(one)]),
    ),
    ...table(
      ["command", "meaning"],
      children.map((child) => [linkTo(commandPath(child)), child.summary()]),
    ),
    ...table(
      ["option", "variable", ...keys.length > 0 ? ["config key"] : [], "meaning"],
      options.map((option) => [
        code(option.flags),
        option.envVar ? code(option.envVar) : "",
        ...keys.length > 0 ? [keyOf(option, keys)] : [],
        meaningOf(option),
      ]),
    ),
    ...inherits ? [`Besides, the options of ${linkTo(commandPath(command.parent!))}.`] : [],
    block(EXAMPLES.get(command) ?? [], "sh"),
  ];
}

function exitCodes(): string[] {
  const rows = Object.entries(EXITS).map(([word, { exit, meaning, then }]) => [
    String(exit),
    word === "ok" ? "" : code(word),
    meaning,
    then,
  ]);
  return [
    "## Exit codes",
    "A failure is one line on standard error that begins with `shoal:`; the last line, which begins " +
    "with `next:`, says what to do. With `--json`, standard output has " +
    '`{"error":{"code","exit","message","next"}}`.',
    ...table(["exit", "`code` in JSON", "meaning", "what a script should do"], rows),
  ];
}

function keyOf(option: Option, keys: readonly ConfigKey[]): string {
  const key = keys.find(({ attribute }) => attribute === option.attributeName());
  return key ? code(key.name) : "";
}

function meaningOf({ description, argChoices, defaultValue }: Option): string {
  const more = [
    ...argChoices ? [argChoices.join(", ")] : [],
    ...defaultValue === undefined ? [] : [`default: ${defaultValue}`],
  ];
  return more.length > 0 ? `${description} (${more.join("; ")})` : description;
}

function table(head: string[], rows: string[][]): string[] {
  if (rows.length === 0) return [];
  const lines = [head, head.map(() => "---"), ...rows];
  return [lines.map((cells) => `| ${cells.map(cell).join(" | ")} |`).join("\n")];
}

/** Text in a table, in which a star or an angle bracket stands for itself. */
function cell(text: string): string {
  const parts = text.split(/(`[^`]*`)/);
  const plain = parts.map((part) => part.startsWith("`") ? part : part.replace(/[*<>_]/g, "\\$&"));
  return plain.join("").replaceAll("|", "\\|");
}

function block(lines: readonly string[], language: string): string {
  return ["```" + language, ...lines, "```"].join("\n");
}

function code(text: string): string {
  return "`" + text + "`";
}

/** A link to the heading of that name on the same page. */
function linkTo(heading: string): string {
  return `[${heading}](#${heading.toLowerCase().replaceAll(" ", "-")})`;
}
