import { Fault } from "../../fault.ts";
import type { ShareResult } from "../../peer/peer_api.ts";
import { EXIT, type ExitCode } from "../exit_code.ts";
import { option } from "../options.ts";
import { Output } from "../output.ts";
import { withProgress } from "../progress.ts";
import { errorValue, reportFailure } from "../report_failure.ts";
import { formatDuration, formatSize, shortId } from "../units.ts";
import type { Verb, VerbCall } from "./verb.ts";

/**
 * `share FILE…`: shares each in turn. One that fails doesn't keep the others from being shared; the
 * exit code is then that of the first failure, and with `--json` its place in the array is taken by
 * `{"name": …, "error": …}`.
 */
export const shareVerb: Verb = {
  name: "share",
  arguments: "<FILE...>",
  summary: "share files: names under DIR, or paths anywhere, which stay where they are",
  examples: ["share debian.iso", "share ~/talks/*.pdf", "share debian.iso --serve"],
  role: "verb",
  onceOptions: () => [
    option("--serve", "when no peer is running for DIR: stay, and serve until interrupted"),
  ],
  async run(call) {
    const { args, output } = call;
    const shared: unknown[] = [];
    let exit: ExitCode = EXIT.ok;
    for (const file of args) {
      try {
        const result = await share(file, call);
        if (output.json) shared.push(result);
        else await output.line(describe(result));
      } catch (error) {
        if (args.length === 1 || !(error instanceof Fault)) throw error;
        exit ||= await reportFailure(error, new Output({ quiet: output.quiet }));
        shared.push({ name: file, error: errorValue(error) });
      }
    }
    if (output.json) await output.value(shared);
    if (!call.serving && exit === EXIT.ok) {
      output.note("No peer is running for this folder: start 'shoal peer' to serve it.");
    }
    return exit;
  },
};

function share(file: string, { api, cwd, output, signal }: VerbCall): Promise<ShareResult> {
  return withProgress(file, output, (show) =>
    api.share({ file, cwd }, {
      signal,
      onProgress: (bytes, size) => show({ bytes, size }),
    }));
}

function describe(shared: ShareResult): string {
  const how = shared.hashed ? `hashed in ${formatDuration(shared.seconds)}` : "unchanged";
  return `${shared.name}  ${formatSize(shared.size)}  ${how}  id ${shortId(shared.id)}`;
}
