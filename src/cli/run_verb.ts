import { Fault } from "../fault.ts";
import type { OpenPeer } from "../peer/open_peer.ts";
import type { PeerSettings } from "../peer/settings.ts";
import type { PageSettings } from "../web/page_host.ts";
import { announcePeer } from "./announce_peer.ts";
import { askOnTerminal } from "./ask.ts";
import { EXIT, type ExitCode } from "./exit_code.ts";
import { startLogging } from "./logging.ts";
import { type PeerFlags, settingsOf } from "./options.ts";
import { Output } from "./output.ts";
import { pageSettingsOf } from "./page_settings.ts";
import { reportFailure } from "./report_failure.ts";
import type { Stop } from "./stop.ts";
import type { VerbLine } from "./verb_command.ts";

/**
 * Runs one verb as a command of its own: asks the running peer of the folder, or is a peer for as
 * long as it takes. With `--serve` it then stays until it is stopped, unless a running peer serves.
 */
export async function runVerb(line: VerbLine, flags: PeerFlags, stop: Stop): Promise<ExitCode> {
  const output = new Output(flags);
  try {
    const { verb, args } = line;
    const serve = line.flags.serve === true;
    const [peer] = await Promise.all([
      open(settingsOf(flags), serve ? "serve" : verb.role, await pageSettingsOf(flags)),
      startLogging(flags, "warning"),
    ]);
    try {
      const exit = await verb.run({
        api: peer.api,
        page: peer.page,
        args,
        flags: line.flags,
        cwd: Deno.cwd(),
        output,
        signal: stop.signal,
        serving: serve || peer.remote,
        ask: askOnTerminal(output),
      }) ?? EXIT.ok;
      if (!serve || peer.remote || exit !== EXIT.ok) return exit;
      output.note(announcePeer(await peer.api.status()));
      return await stop.asked;
    } finally {
      await peer.close();
    }
  } catch (error) {
    return await reportFailure(error, output, stop.code);
  }
}

async function open(
  settings: PeerSettings,
  role: "serve" | "verb" | "query",
  page?: PageSettings,
): Promise<OpenPeer> {
  const { openPeer } = await import("../peer/open_peer.ts");
  try {
    return await openPeer({ ...settings, role, page });
  } catch (error) {
    const served = role === "serve" && error instanceof Fault && error.kind === "held";
    if (!served) throw error;
    return await openPeer({ ...settings, role: "verb" });
  }
}
