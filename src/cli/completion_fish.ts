import type { CompletedCommand, Value } from "./completion.ts";

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
          ...complete(value, "-r"),
          `-d ${quote(description)}`,
        ].join(" ")
      ),
      ...(words === "none" || words === "text" ? [] : [[here, ...complete(words, "")].join(" ")]),
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

/** Arguments of `complete` for a value; `required` is `-r` for an option's. */
function complete(value: Value, required: string): string[] {
  const must = required ? [required] : [];
  if (value === "none") return [];
  if (value === "file") return [...must, "-F"];
  if (value === "folder") return [...must, "-a", quote("(__fish_complete_directories)")];
  return typeof value === "string" ? must : [...must, "-a", quote(value.join(" "))];
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
