import type { Command, Option } from "commander";
import { type ShellName, SHELLS } from "./shells.ts";

/** The hidden command by which a shell asks: `shoal __complete SHELL INDEX WORD…`. */
export const COMPLETE = "__complete";

/** The values that fit a place: known words, or the name of something on disk. */
type Value = "file" | "folder" | "text" | readonly Offer[];

interface Offer {
  word: string;
  description: string;
}

/**
 * Answers a shell. `args` are its name, how many words stand before the one to be completed (without the
 * program's own name), and those words with the one to be completed, if it has a beginning. The first
 * line of the answer is `words`, `file` or `folder`; words follow, in the form that the shell wants.
 */
export function answerShell(program: Command, [name, index, ...words]: string[]): string {
  const shell = SHELLS.find((one) => one === name);
  if (shell === undefined || !/^\d{1,4}$/.test(index ?? "")) return "words\n";
  const at = Number(index);
  const typed = words[at] ?? "";
  const { value, prefix } = completionAt(program, words.slice(0, at), typed);
  if (value === "file" || value === "folder") return value + "\n";
  const offers = value === "text" ? [] : value;
  const current = typed.slice(prefix.length);
  // bash and zsh complete what follows the =, the others the whole word.
  const before = shell === "bash" || shell === "zsh" ? "" : prefix;
  const lines = offers.filter(({ word }) => word.startsWith(current))
    .map((offer) => LINES[shell]({ ...offer, word: before + offer.word }));
  return ["words", ...lines].map((line) => line + "\n").join("");
}

const LINES: Record<ShellName, (offer: Offer) => string> = {
  bash: ({ word }) => word,
  zsh: ({ word, description }) => `${word.replaceAll(":", "\\:")}:${description}`,
  fish: ({ word, description }) => `${word}\t${description}`,
  powershell: ({ word, description }) => `${word}\t${description}`,
};

/** The offers after `before`, in place of `typed`, and how much of that stays. */
function completionAt(
  program: Command,
  before: string[],
  typed: string,
): { value: Value; prefix: string } {
  let command = program;
  let argument = 0;
  let ended = false;
  let waiting: Option | undefined;
  for (const [index, word] of before.entries()) {
    // bash makes a word of the = in --option=value.
    if (word === "=" && (waiting ?? before[index - 1]?.startsWith("--"))) {
      waiting ??= optionOf(command, before[index - 1]!);
      continue;
    }
    if (waiting) {
      waiting = undefined;
    } else if (ended || !word.startsWith("-") || word === "-") {
      const child = argument === 0 && !ended && childOf(command, word);
      if (child) command = child;
      else argument++;
    } else if (word === "--") {
      ended = true;
    } else {
      const option = optionOf(command, word);
      if (option?.required && !word.includes("=")) waiting = option;
    }
  }
  if (typed === "=") {
    const option = waiting ?? optionOf(command, before.at(-1) ?? "");
    return { value: option ? valueOf(option) : "text", prefix: "=" };
  }
  if (waiting) return { value: valueOf(waiting), prefix: "" };
  const [, prefix, name] = /^((--[^=]+)=)/.exec(ended ? "" : typed) ?? [];
  if (prefix !== undefined && name !== undefined) {
    const option = optionOf(command, name);
    return { value: option ? valueOf(option) : "text", prefix };
  }
  if (typed.startsWith("-") && !ended) return { value: offerOptions(command), prefix: "" };
  if (command.commands.length > 0 && argument === 0) {
    return { value: offerCommands(command), prefix: "" };
  }
  const { registeredArguments } = command;
  const at = registeredArguments[argument] ??
    (registeredArguments.at(-1)?.variadic ? registeredArguments.at(-1) : undefined);
  const value = at ? at.argChoices?.map(plain) ?? kindOf(at.name()) : [];
  return { value, prefix: "" };
}

function childOf({ commands }: Command, word: string): Command | undefined {
  return commands.find((one) => one.name() === word || one.aliases().includes(word));
}

/** An option of the command, or of one above it, by how it is typed. */
function optionOf(command: Command, word: string): Option | undefined {
  const [name] = word.split("=");
  return command.options.find((one) => one.long === name || one.short === name) ??
    (command.parent ? optionOf(command.parent, word) : undefined);
}

function offerOptions(command: Command): Offer[] {
  const help = command.createHelp();
  const options = [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)];
  return options.map(({ long, description }) => ({ word: long ?? "", description }));
}

function offerCommands(command: Command): Offer[] {
  return command.createHelp().visibleCommands(command)
    .map((one) => ({ word: one.name(), description: one.summary() || one.description() }));
}

function valueOf(option: Option): Value {
  if (!option.required && !option.optional) return [];
  return option.argChoices?.map(plain) ?? kindOf(option.flags);
}

/** The kind of a value, by its name: see {@link CliOption}. */
function kindOf(name: string): Value {
  if (/\bDIR\b/.test(name)) return "folder";
  return /\b(PATH|FILE|LIST|OLD)\b/.test(name) ? "file" : "text";
}

function plain(word: string): Offer {
  return { word, description: "" };
}
