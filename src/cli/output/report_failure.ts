import { Fault, isAbort, messageOf } from "../../fault.ts";
import { candidatesOf, candidateTable } from "./candidates.ts";
import { type ExitCode, exitCodeOf, failureCode } from "./exit_code.ts";
import type { Output } from "./output.ts";
import { remedyFor } from "./remedy.ts";
import { sanitize } from "./sanitize.ts";
import { UsageFault } from "./usage.ts";

/**
 * Says that a command failed and why: one line on standard error, for an ambiguous name the candidates,
 * and as the last line what to do next. With `--json` also `{"error": …}` on standard output, unless
 * something else stands there already. Returns the exit code.
 */
export async function reportFailure(
  error: unknown,
  output: Output,
  { interrupted, name }: {
    /** The exit code of the signal that stopped the program, where one did. */
    interrupted?: ExitCode;
    /** The name that it is about, if there are several. */
    name?: string;
  } = {},
): Promise<ExitCode> {
  const code = failureCode(error);
  const exit = exitCodeOf(error, interrupted);
  if (code === "closed_output") return exit;
  output.error(isAbort(error) ? "interrupted" : messageOf(error));
  if (code === "unexpected") await logDetails(error);
  const candidates = candidatesOf(error);
  if (candidates) output.detail(await candidateTable(candidates));
  const next = output.hint(
    error instanceof Fault && error.next ||
      remedyFor(code, error instanceof UsageFault ? error.help : undefined),
  );
  output.detail(`next: ${sanitize(next)}`);
  if (output.json && (!output.begun || output.lines)) {
    const value = { name, error: { ...errorValue(error), exit, next, candidates } };
    await output.value(value).catch(() => {});
  }
  return exit;
}

/** The value of a failure for `--json`. */
export function errorValue(error: unknown): { code: string; exit: ExitCode; message: string } {
  return { code: failureCode(error), exit: exitCodeOf(error), message: messageOf(error) };
}

/** Logs the origin of an unforeseen failure, for `--log-level debug`. */
async function logDetails(error: unknown): Promise<void> {
  const { getLogger } = await import("@logtape/logtape");
  const stack = error instanceof Error && error.stack || String(error);
  getLogger(["shoal", "cli"]).debug("{stack}", { stack: stack.replace(/\s*\n\s*/g, " | ") });
}
