import type { CompletedCommand, Value } from "./completed_command.ts";

/** The script for zsh, to be sourced or put into `$fpath` as `_shoal`. */
export function zshCompletion(commands: CompletedCommand[]): string {
  const paths = commands.slice(1).map(({ path }) => quote(path)).join(" | ");
  return `#compdef shoal
# Completion of shoal for zsh: source <(shoal completion zsh)
_shoal() {
  local cur=\${words[CURRENT]} prev=\${words[CURRENT-1]} at=shoal word
  local -a offers
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at $word" in
      ${paths}) at="$at $word" ;;
    esac
  done
  # --option=value is one word here.
  if [[ $cur == --*=* ]]; then prev=\${cur%%=*}; compset -P '*='; fi
  case "$at $prev" in
${commands.flatMap(casesAfterOptions).join("\n")}
  esac
  case "$at" in
${commands.map(caseOfCommand).join("\n")}
  esac
}
if [[ \${funcstack[1]} == _shoal ]]; then _shoal "$@"; else compdef _shoal shoal; fi
`;
}

/** What stands after each option that takes a value. */
function casesAfterOptions({ path, options }: CompletedCommand): string[] {
  return options.filter(({ value }) => value !== "none").map(({ short, long, value }) => {
    const names = [short, long].filter(Boolean).map((name) => quote(`${path} ${name}`));
    return `    ${names.join(" | ")}) ${offer(value)}; return ;;`;
  });
}

/** The command's options for a word that starts with a dash, or else its commands or words. */
function caseOfCommand({ path, commands, options, words }: CompletedCommand): string {
  const flags = options.flatMap(({ short, long, description }) =>
    (short ? [short, long] : [long]).map((name) => described(name, description))
  );
  const names = commands.map(({ name, description }) => described(name, description));
  return `    ${quote(path)})
      if [[ $cur == -* ]]; then
        offers=(${flags.join(" ")}); _describe -o option offers
      else
        ${names.length > 0 ? `offers=(${names.join(" ")}); _describe command offers` : offer(words)}
      fi ;;`;
}

function offer(value: Value): string {
  if (value === "file") return "_files";
  if (value === "folder") return "_files -/";
  return typeof value === "string" ? ":" : `compadd -- ${value.map(quote).join(" ")}`;
}

/** `name:description`, in which a colon of the name is escaped. */
function described(name: string, description: string): string {
  return quote(`${name.replaceAll(":", "\\:")}:${description}`);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
