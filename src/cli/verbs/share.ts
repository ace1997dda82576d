import type { PeerApi, ShareResult } from "../../peer/api/peer_api.ts";
import { EXIT, type ExitCode } from "../output/exit_code.ts";
import { flag } from "../args/cli_option.ts";
import { showProgress } from "../output/progress.ts";
import { formatDuration, formatSize, shortId } from "../output/units.ts";
import { eachName } from "./each_name.ts";
import type { PeerVerb, VerbCall } from "./verb.ts";

const OPTIONS = {
  watch: flag("--watch", "announce changes as they happen, for as long as it is shared"),
  serve: flag("--serve", "when no peer is running for DIR: stay, and serve until interrupted", {
    once: true,
    listens: true,
  }),
};

/** `share FILE…`: shares each in turn (see {@link eachName}), and prints a line or a ShareResult for it. */
export const shareVerb: PeerVerb<typeof OPTIONS> = {
  name: "share",
  arguments: "<FILE...>",
  summary: "share files and folders: names under DIR, or paths anywhere, which stay where they are",
  examples: ["share debian.iso", "share ~/talks", "share ~/talks --watch --serve"],
  role: "verb",
  options: OPTIONS,
  opening: ({ serve }) => ({ serve }),
  async run(call) {
    const { output } = call;
    let leftOut: ExitCode = EXIT.ok;
    const exit = await eachName(call, async (file) => {
      const result = await share(file, call);
      if (!output.json) await output.line(describe(result));
      for (const { path, why, failed } of result.left_out ?? []) {
        output.note(`Left out "${path}": ${why}`);
        if (failed) leftOut = EXIT.left_out;
      }
      return [result];
    });
    if (!call.serving && exit === EXIT.ok) {
      output.note("No peer is running for this folder: start 'shoal peer' to serve it.");
    }
    // The rest is to be served.
    return exit || (call.flags.serve ? EXIT.ok : leftOut);
  },
};

async function share(
  file: string,
  { api, cwd, flags: { watch }, output, signal }: VerbCall<PeerApi, typeof OPTIONS>,
): Promise<ShareResult> {
  using progress = await showProgress(file, output);
  return await api.share({ file, cwd, watch }, {
    signal,
    onProgress: (bytes, size) => progress.show({ bytes, size }),
  });
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
