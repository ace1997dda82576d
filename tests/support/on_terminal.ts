import { outputOf } from "./output_of.ts";
import { findTool } from "./tools.ts";

export interface TerminalOptions {
  /** Default 80. */
  columns?: number;
  env?: Record<string, string>;
  cwd?: string;
}

/** The exit code of a command that runs on a terminal of its own, and all that it shows there. */
export async function onTerminal(
  words: string[],
  { columns = 80, env = {}, cwd }: TerminalOptions = {},
): Promise<{ code: number; shown: string }> {
  const command = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  const { code, stdout } = await outputOf(findTool("script")!, {
    args: ["-qec", `stty cols ${columns} rows 24; exec ${command}`, "/dev/null"],
    // An empty NO_COLOR counts as unset.
    env: {
      NO_COLOR: "",
      PAGER: "cat",
      TERM: "xterm-256color",
      LC_ALL: "C.UTF-8",
      SHELL: "/bin/sh",
      ...env,
    },
    stdin: "null",
    ...cwd === undefined ? {} : { cwd },
  });
  return { code, shown: new TextDecoder().decode(stdout).replaceAll("\r\n", "\n") };
}
