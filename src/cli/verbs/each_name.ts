import { Fault } from "../../fault.ts";
import { EXIT, type ExitCode } from "../output/exit_code.ts";
import { Output } from "../output/output.ts";
import { errorValue, reportFailure } from "../output/report_failure.ts";
import type { VerbCall } from "./verb.ts";

/**
 * Does what a verb is asked for each name, in turn. One that fails doesn't keep the others from it; the
 * exit code is then that of the first failure. With `--json` one array of all that `act` returned is
 * printed, in which the place of what failed is taken by `{"name": …, "error": …}`; without it, `act`
 * prints its own results.
 */
export async function eachName(
  { args, output, signal }: VerbCall,
  act: (name: string) => Promise<unknown[]>,
): Promise<ExitCode> {
  const values: unknown[] = [];
  let exit: ExitCode = EXIT.ok;
  for (const name of args) {
    try {
      values.push(...await act(name));
    } catch (error) {
      if (args.length === 1 || !(error instanceof Fault) || signal.aborted) throw error;
      const code = await reportFailure(
        error,
        new Output({ quiet: output.quiet, place: output.place }),
      );
      exit ||= code;
      values.push({ name, error: errorValue(error) });
    }
  }
  if (output.json) await output.value(values);
  return exit;
}
