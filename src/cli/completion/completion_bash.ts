import type { CompletedCommand, Value } from "./completed_command.ts";

/** The script for bash 3.2 and later. */
export function bashCompletion(commands: CompletedCommand[]): string {
  const paths = commands.slice(1).map(({ path }) => `"${path}"`).join(" | ");
  return `# Completion of shoal for bash: source <(shoal completion bash)
_shoal_offer() {
  local line
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen "$@" -- "$cur")
}
_shoal() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} at=shoal i
  COMPREPLY=()
  # bash makes a word of the = in --option=value.
  if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
      ${paths}) at="$at \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$at $prev" in
${commands.flatMap(casesAfterOptions).join("\n")}
  esac
  case "$at" in
${commands.map(caseOfCommand).join("\n")}
  esac
}
complete -F _shoal shoal
`;
}

/** What stands after each option that takes a value. */
function casesAfterOptions({ path, options }: CompletedCommand): string[] {
  return options.filter(({ value }) => value !== "none").map(({ short, long, value }) => {
    const names = [short, long].filter(Boolean).map((name) => `"${path} ${name}"`);
    return `    ${names.join(" | ")}) ${offer(value)}; return ;;`;
  });
}

/** The command's options for a word that starts with a dash, or else its commands or words. */
function caseOfCommand({ path, commands, options, words }: CompletedCommand): string {
  const flags = options.flatMap(({ short, long }) => short ? [short, long] : [long]);
  const others = commands.length > 0 ? commands.map(({ name }) => name) : words;
  return `    "${path}") if [[ $cur == -* ]]; then ${offer(flags)}; else ${offer(others)}; fi ;;`;
}

function offer(value: Value): string {
  if (value === "file") return "compopt -o filenames 2>/dev/null; _shoal_offer -f";
  if (value === "folder") return "compopt -o filenames 2>/dev/null; _shoal_offer -d";
  return typeof value === "string" ? ":" : `_shoal_offer -W "${value.join(" ")}"`;
}
