import type { CompletedCommand, Value } from "./completion.ts";

/** The script for bash 4 and later. */
export function bashCompletion(commands: CompletedCommand[]): string {
  const paths = commands.slice(1).map(({ path }) => JSON.stringify(path)).join(" | ");
  const afterOption = commands.flatMap(({ path, options }) =>
    options.filter(({ value }) => value !== "none").map(({ short, long, value }) => {
      const names = [short, long].filter(Boolean).map((name) => `"${path} ${name}"`);
      return `    ${names.join(" | ")}) ${complete(value)} return ;;`;
    })
  );
  const words = commands.map(({ path, commands, options, words }) => {
    const flags = options.flatMap(({ short, long }) => short ? [short, long] : [long]);
    return `    "${path}")
      if [[ $cur == -* ]]; then ${complete(flags)}
      ${
      commands.length > 0
        ? `else ${complete(commands.map(({ name }) => name))}`
        : words === "none" || words === "text"
        ? "else :"
        : `else ${complete(words)}`
    }
      fi ;;`;
  });
  return `# Completion of shoal for bash: source <(shoal completion bash)
_shoal_offer() {
  local line
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen "$@")
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
${afterOption.join("\n")}
  esac
  case "$at" in
${words.join("\n")}
  esac
}
complete -F _shoal shoal
`;
}

/** Commands that offer a value. */
function complete(value: Value): string {
  if (value === "file" || value === "folder") {
    return `compopt -o filenames; _shoal_offer ${value === "file" ? "-f" : "-d"} -- "$cur";`;
  }
  return typeof value === "string" ? ":;" : `_shoal_offer -W "${value.join(" ")}" -- "$cur";`;
}
