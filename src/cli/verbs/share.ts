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
  summary: "share files and folders: names under DIR, or paths anywhere, which stay where they are",
  examples: ["share debian.iso", "share ~/talks", "share ~/talks --watch --serve"],
  role: "verb",
  options: () => [
    option("--watch", "announce changes as they happen, for as long as it is shared"),
  ],
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
        for (const { path, why } of result.left_out ?? []) output.note(`Left out ${path}: ${why}`);
      } catch (error) {
        if (args.length === 1 || !(error instanceof Fault)) throw error;
        const code = await reportFailure(error, new Output({ quiet: output.quiet }));
        exit ||= code;
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

function share(
  file: string,
  { api, cwd, flags, output, signal }: VerbCall,
): Promise<ShareResult> {
  const watch = flags.watch === true ? true : undefined;
  return withProgress(file, output, (show) =>
    api.share({ file, cwd, watch }, {
      signal,
      onProgress: (bytes, size) => show({ bytes, size }),
    }));
}

function describe(shared: ShareResult): string {
  const { name, kind, entries, size, id, watched } = shared;
  const how = shared.hashed ? `hashed in ${formatDuration(shared.seconds)}` : "unchanged";
  return [
    kind === "folder" ? `${name}/` : name,
    ...(kind === "folder" ? [`${entries} entries`] : []),
    formatSize(size),
    how,
    ...(watched ? ["watched"] : []),
    `id ${shortId(id)}`,
  ].join("  ");
}
