import type { CompletedCommand, Value } from "./completion.ts";

/** The script for zsh, to be sourced or put into `$fpath` as `_shoal`. */
export function zshCompletion(commands: CompletedCommand[]): string {
  const paths = commands.slice(1).map(({ path }) => quote(path)).join(" | ");
  const afterOption = commands.flatMap(({ path, options }) =>
    options.filter(({ value }) => value !== "none").map(({ short, long, value }) => {
      const names = [short, long].filter(Boolean).map((name) => quote(`${path} ${name}`));
      return `    ${names.join(" | ")}) ${complete(value)}; return ;;`;
    })
  );
  const words = commands.map(({ path, commands, options, words }) => {
    const flags = options.flatMap(({ short, long, description }) =>
      [short, long].filter(Boolean).map((name) => described(name!, description))
    );
    const names = commands.map(({ name, description }) => described(name, description));
    return `    ${quote(path)})
      if [[ $cur == -* ]]; then offers=(${flags.join(" ")}); _describe -o option offers
      else ${
      names.length > 0 ? `offers=(${names.join(" ")}); _describe command offers` : complete(words)
    }
      fi ;;`;
  });
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
${afterOption.join("\n")}
  esac
  case "$at" in
${words.join("\n")}
  esac
}
if [[ \${funcstack[1]} == _shoal ]]; then _shoal "$@"; else compdef _shoal shoal; fi
`;
}

function complete(value: Value): string {
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
