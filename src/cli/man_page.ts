import type { Command } from "commander";
import { VERSION } from "../version.ts";
import { EXITS } from "./output/exit_code.ts";
import { commandPath } from "./output/usage.ts";
import { EXAMPLES } from "./verbs/verb_command.ts";

interface ManOptions {
  /** The day that the page is of: YYYY-MM-DD. */
  date: string;
}

/** The file name of a command's page: `shoal-peer-get.1`. */
export function manName(command: Command): string {
  return `${commandPath(command).replaceAll(" ", "-")}.1`;
}

/**
 * A command's manual page, in roff with the man macros (man(7), groff_man(7)). All text passes
 * {@link roff}, so that nothing in it is taken for a request.
 */
export function manPage(command: Command, { date }: ManOptions): string {
  const help = command.createHelp();
  const path = commandPath(command);
  const commands = help.visibleCommands(command).filter((child) => child.name() !== "help");
  const own = help.visibleOptions(command);
  const above = help.visibleGlobalOptions(command);
  return [
    `.TH ${quoted(path.replaceAll(" ", "-").toUpperCase())} 1 ${quoted(date)} ${
      quoted(`Shoal ${VERSION}`)
    } "Shoal"`,
    ".SH NAME",
    `${roff(path.replaceAll(" ", "-"))} \\- ${roff(command.summary() || command.description())}`,
    ".SH SYNOPSIS",
    `.B ${roff(path)}`,
    roff(help.commandUsage(command).slice(path.length).trim()),
    ".SH DESCRIPTION",
    roff(command.description()),
    ...section("COMMANDS", commands, (child) => [
      `${commandPath(child)}`,
      `${child.summary() || child.description()}; see ${manName(child).replace(/\.1$/, "")}(1)`,
    ]),
    ...section("OPTIONS", own, (option) => [option.flags, help.optionDescription(option)]),
    ...section("INHERITED OPTIONS", above, (one) => [one.flags, help.optionDescription(one)]),
    ...section("EXIT STATUS", Object.values(EXITS), ({ exit, meaning }) => [`${exit}`, meaning]),
    ...examples(EXAMPLES.get(command) ?? []),
    ".SH SEE ALSO",
    ...seeAlso(command, commands),
    "",
  ].join("\n");
}

function section<T>(title: string, items: readonly T[], show: (item: T) => [string, string]) {
  if (items.length === 0) return [];
  return [
    `.SH ${quoted(title)}`,
    ...items.flatMap((item) => {
      const [term, text] = show(item);
      return [".TP", `.B ${roff(term)}`, roff(text)];
    }),
  ];
}

function examples(lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  return [".SH EXAMPLES", ".EX", ...lines.map(roff), ".EE"];
}

function seeAlso(command: Command, commands: readonly Command[]): string[] {
  const named = [...command.parent ? [command.parent] : [], ...commands];
  const pages = named.map((one) => manName(one).replace(/\.1$/, ""));
  return pages.map((page, index) => `.BR ${roff(page)} (1)${index < pages.length - 1 ? " ," : ""}`);
}

/**
 * Text that roff shows as it is: hyphens as they are typed, backslashes and quotes as such, no request
 * at the beginning of a line, and everything beyond ASCII by its code.
 */
export function roff(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  const escaped = [...line].map((char) => ESCAPES[char] ?? unicode(char)).join("");
  return /^[.']/.test(line) ? `\\&${escaped}` : escaped;
}

const ESCAPES: Record<string, string> = {
  "\\": "\\e",
  "-": "\\-",
  "'": "\\(aq",
  '"': "\\(dq",
  "`": "\\(ga",
  "^": "\\(ha",
  "~": "\\(ti",
};

function unicode(char: string): string {
  const code = char.codePointAt(0)!;
  if (code < 0x20 || code === 0x7f) return "";
  return code < 0x7f ? char : `\\[u${code.toString(16).toUpperCase().padStart(4, "0")}]`;
}

function quoted(text: string): string {
  return `"${roff(text)}"`;
}
