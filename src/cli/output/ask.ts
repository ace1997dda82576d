import { createInterface } from "node:readline";
import process from "node:process";
import { abortable } from "../../async/retry.ts";
import type { OutputOptions } from "./output.ts";

/**
 * Asks a question and returns the line that is typed: empty when the input ends. Throws the signal's
 * reason.
 */
export type Ask = (question: string, signal: AbortSignal) => Promise<string>;

/** Asks the user of a command; undefined without a terminal, or when they want no questions. */
export function askOnTerminal({ json, quiet }: OutputOptions): Ask | undefined {
  const terminal = Deno.stdin.isTerminal() && Deno.stderr.isTerminal();
  return terminal && !json && !quiet ? ask : undefined;
}

function ask(question: string, signal: AbortSignal): Promise<string> {
  // The terminal's own line editing, so that Ctrl-C stays a signal.
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  const { promise, resolve } = Promise.withResolvers<string>();
  lines.on("close", () => resolve(""));
  lines.question(question, resolve);
  return abortable(promise, signal).finally(() => lines.close());
}
