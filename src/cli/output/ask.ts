import { createInterface } from "node:readline";
import process from "node:process";
import { abortable } from "../../async/retry.ts";
import type { OutputOptions } from "./output.ts";

/**
 * Asks a question and returns the line that is typed: empty when the input ends. Throws the signal's
 * reason.
 */
export type Ask = (
  question: string,
  signal: AbortSignal,
  options?: QuestionOptions,
) => Promise<string>;

export interface QuestionOptions {
  /** The words that Tab completes a beginning to. Default none. */
  complete?: (beginning: string) => string[];
}

/** Asks the user of a command; undefined without a terminal, or when they want no questions. */
export function askOnTerminal({ json, quiet }: OutputOptions): Ask | undefined {
  const terminal = Deno.stdin.isTerminal() && Deno.stderr.isTerminal();
  return terminal && !json && !quiet ? ask : undefined;
}

function ask(
  question: string,
  signal: AbortSignal,
  { complete }: QuestionOptions = {},
): Promise<string> {
  const { stdin: input, stderr: output } = process;
  // Otherwise with the terminal's own line editing, so that Ctrl-C stays a signal.
  const lines = complete
    ? createInterface({ input, output, completer: completerOf(complete) })
    : createInterface({ input, output, terminal: false });
  const { promise, resolve } = Promise.withResolvers<string>();
  lines.on("close", () => resolve(""));
  lines.on("SIGINT", () => Deno.kill(Deno.pid, "SIGINT"));
  lines.question(question, resolve);
  return abortable(promise, signal).finally(() => lines.close());
}

/** Completes the last word of a line. */
function completerOf(complete: (beginning: string) => string[]) {
  return (line: string): [string[], string] => {
    const beginning = /[a-z]*$/i.exec(line)![0];
    return [beginning === "" ? [] : complete(beginning.toLowerCase()), beginning];
  };
}
