import type { CompletedCommand, Value } from "./completed_command.ts";

/** The script for fish. */
export function fishCompletion(commands: CompletedCommand[]): string {
  const paths = commands.slice(1).map(({ path }) => quote(path)).join(" ");
  const lines = commands.flatMap(({ path, commands, options, words }) => {
    const here = `complete -c shoal -n ${quote(`__shoal_at ${quote(path)}`)}`;
    return [
      ...commands.map(({ name, description }) =>
        `${here} -a ${quote(name)} -d ${quote(description)}`
      ),
      ...options.map(({ short, long, description, value }) =>
        [
          here,
          ...(short ? [`-s ${short.slice(1)}`] : []),
          `-l ${long.slice(2)}`,
          ...complete(value, true),
          `-d ${quote(description)}`,
        ].join(" ")
      ),
      ...(words === "none" || words === "text"
        ? []
        : [[here, ...complete(words, false)].join(" ")]),
    ];
  });
  return `# Completion of shoal for fish: shoal completion fish | source
function __shoal_at
  set -l at shoal
  for word in (commandline -opc)[2..]
    if contains -- "$at $word" ${paths}
      set at "$at $word"
    end
  end
  test "$at" = "$argv[1]"
end
complete -c shoal -f
${lines.join("\n")}
`;
}

/** Arguments of `complete` for the value of an option, or for the words of a command. */
function complete(value: Value, isOption: boolean): string[] {
  if (value === "none") return [];
  if (value === "file") return [isOption ? "-r -F" : "-F"];
  const offers = value === "folder"
    ? "(__fish_complete_directories)"
    : typeof value === "string"
    ? ""
    : value.join(" ");
  return [...(isOption ? ["-x"] : []), ...(offers ? ["-a", quote(offers)] : [])];
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
