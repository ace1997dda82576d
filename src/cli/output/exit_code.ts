import { Fault, type FaultKind, isAbort } from "../../fault.ts";
import { ClosedOutput } from "./output.ts";

/** What the program ends with, for scripts. docs/operations.md says which of them a retry helps. */
export const EXIT = {
  ok: 0,
  /** A fault that nobody foresaw. */
  unexpected: 1,
  usage: 2,
  not_found: 3,
  network: 4,
  integrity: 5,
  destination: 6,
  disk: 7,
  ambiguous: 8,
  deadline: 9,
  held: 10,
  hook: 11,
  /** The reader of standard output went away: 128 + SIGPIPE. */
  closed_output: 141,
} as const satisfies Record<FaultKind | "ok" | "unexpected" | "closed_output", number>;

/** One of {@link EXIT}, or 128 + n after signal n. */
export type ExitCode = number;

/** The word for a failure: that of `--json`, and a key of {@link EXIT} unless it is `interrupted`. */
export function failureCode(
  error: unknown,
): FaultKind | "unexpected" | "interrupted" | "closed_output" {
  if (error instanceof Fault) return error.kind;
  if (error instanceof ClosedOutput) return "closed_output";
  return isAbort(error) ? "interrupted" : "unexpected";
}

/** The exit code for a failure. `interrupted` is that of the signal that stopped the program. */
export function exitCodeOf(error: unknown, interrupted: ExitCode = 130): ExitCode {
  const code = failureCode(error);
  return code === "interrupted" ? interrupted : EXIT[code];
}
