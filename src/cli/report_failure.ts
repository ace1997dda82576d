import { isAbort, messageOf } from "../fault.ts";
import { candidatesOf, candidateTable } from "./candidates.ts";
import { type ExitCode, exitCodeOf, failureCode } from "./exit_code.ts";
import type { Output } from "./output.ts";
import { UsageFault } from "./usage.ts";

/**
 * Says that a command failed and why: one line on standard error, then what helps to go on. With
 * `--json` also `{"error": …}` on standard output, unless something stands there already. Returns the
 * exit code; `interrupted` is that of the signal that stopped the program, where one did.
 */
export async function reportFailure(
  error: unknown,
  output: Output,
  interrupted?: ExitCode,
): Promise<ExitCode> {
  const code = failureCode(error);
  const exit = exitCodeOf(error, interrupted);
  if (code === "closed_output") return exit;
  output.error(isAbort(error) ? "interrupted" : messageOf(error));
  if (error instanceof UsageFault) output.note(`Try '${error.help}'.`);
  if (code === "unexpected") await logDetails(error);
  const candidates = candidatesOf(error);
  if (candidates) output.detail(await candidateTable(candidates));
  if (output.json && !output.begun) {
    await output.value({ error: { ...errorValue(error), exit, candidates } }).catch(() => {});
  }
  return exit;
}

/** What `--json` says of a failure. */
export function errorValue(error: unknown): { code: string; exit: ExitCode; message: string } {
  return { code: failureCode(error), exit: exitCodeOf(error), message: messageOf(error) };
}

/** Where an unforeseen failure came from, for whoever asked for that with `--log-level debug`. */
async function logDetails(error: unknown): Promise<void> {
  const { getLogger } = await import("@logtape/logtape");
  const stack = error instanceof Error && error.stack || String(error);
  getLogger(["shoal", "cli"]).debug("{stack}", { stack: stack.replace(/\s*\n\s*/g, " | ") });
}
