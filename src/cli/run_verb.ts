import { Fault } from "../fault.ts";
import type { OpenPeer, Role } from "./peers/open_peer.ts";
import type { PeerSettings } from "../peer/api/settings.ts";
import { requestDeadline } from "../peer/get/request_deadline.ts";
import { delay } from "../async/retry.ts";
import type { UiSettings } from "../web/ui_door.ts";
import { announcePeer } from "./output/announce_peer.ts";
import { askOnTerminal } from "./output/ask.ts";
import { EXIT, type ExitCode } from "./output/exit_code.ts";
import { startLogging } from "./config/logging.ts";
import { type PeerFlags, settingsOf } from "./args/options.ts";
import { Output } from "./output/output.ts";
import { uiSettingsOf } from "./config/ui_settings.ts";
import { reportFailure } from "./output/report_failure.ts";
import { SilentPeer } from "../web/silent_peer.ts";
import type { Stop } from "./process/stop.ts";
import { formatDuration } from "./output/units.ts";
import type { QueryVerb, RunningVerb, VerbCall } from "./verbs/verb.ts";
import type { VerbLine } from "./verbs/verb_command.ts";
import { deadlineOf } from "./verbs/deadline.ts";
import { whileHeld } from "./process/while_held.ts";
import { currentFolder } from "../system/paths.ts";

/** Grace for a deadline that is kept elsewhere and reported from there, in milliseconds. */
const DEADLINE_GRACE_MS = 500;

/**
 * Runs one verb as a command of its own: asks the running peer of the folder, or is a peer for as
 * long as it takes. With `--serve` it then stays until it is stopped, and with `--seed-for` for so
 * long, unless a running peer serves. With `--wait-lock` it waits until DIR is free.
 */
export async function runVerb(line: VerbLine, flags: PeerFlags, stop: Stop): Promise<ExitCode> {
  const started = performance.now();
  const output = new Output({ ...flags, paged: true, signal: stop.signal });
  try {
    const { verb, args } = line;
    const { signal } = stop;
    const call = { args, flags: line.flags, cwd: currentFolder(), started, output, signal };
    await verb.prepare?.(call);
    const settings = settingsOf(flags);
    if (verb.role !== "verb") return await runLooking(verb, call, flags) ?? EXIT.ok;
    const { serve = false, seedFor, waitMs = 0, plan, ...timed } = verb.opening?.(line.flags) ?? {};
    const source = line.command.parent?.getOptionValueSource("port");
    // It is not there to be found at a port that others know, and may not be alone on the machine.
    if (seedFor !== undefined && source !== "cli" && source !== "env") settings.port = 0;
    const role = serve ? "serve" : seedFor !== undefined ? "seed" : plan ? "plan" : verb.role;
    const page = uiSettingsOf(flags);
    const deadline = deadlineOf(timed, started);
    // Where it is fetched, the deadline is kept; this is for a running peer that says nothing.
    using ends = requestDeadline({
      name: args.join(" "),
      deadline: deadline && deadline - performance.now() + DEADLINE_GRACE_MS,
    }, signal);
    const [peer] = await Promise.all([
      whileHeld(() => open({ ...settings, role, page, signal: ends.signal }), {
        waitMs,
        signal,
        deadline,
      }),
      startLogging(flags, "warning"),
    ]);
    try {
      const serving = serve || peer.remote;
      const ask = askOnTerminal(output);
      const exit = await verb.run({ ...call, api: peer.api, page: peer.page, serving, ask }) ??
        EXIT.ok;
      if (seedFor !== undefined && exit === EXIT.ok) {
        await seed(seedFor, { remote: peer.remote, output, stop });
      }
      if (!serve || peer.remote || exit !== EXIT.ok) return exit;
      output.note(announcePeer(await peer.api.status()));
      return await stop.asked;
    } finally {
      await peer.close();
    }
  } catch (error) {
    return await reportFailure(error, output, { interrupted: stop.code });
  }
}

/** Goes on serving for so many seconds, or until it is stopped: what was asked for is done. */
async function seed(
  seconds: number,
  { remote, output, stop }: { remote: boolean; output: Output; stop: Stop },
): Promise<void> {
  if (remote) return output.note("The running peer goes on serving it.");
  output.note(`Serving it for ${formatDuration(seconds)}; a signal ends that.`);
  await delay(seconds * 1000, stop.signal).catch(() => {});
}

/** Runs a verb that is never a peer itself, whether or not there is a shared folder. */
async function runLooking(
  verb: QueryVerb | RunningVerb,
  call: Omit<VerbCall, "api" | "serving" | "ask">,
  flags: PeerFlags,
): Promise<ExitCode | void> {
  const { openQuery, openRunning } = await import("./peers/open_peer.ts");
  const settings = { ...settingsOf(flags), signal: call.signal };
  await startLogging(flags, "warning");
  const running = await openRunning(settings).catch((error) => {
    // The swarm can be looked at without it.
    if (verb.role === "running" || !(error instanceof SilentPeer)) throw error;
  });
  const ask = askOnTerminal(call.output);
  if (running) return await verb.run({ ...call, ...running, serving: true, ask });
  if (verb.role === "running") throw new Fault("network", verb.without);
  const { api, close } = await openQuery(settings);
  try {
    return await verb.run({ ...call, api, serving: false, ask });
  } finally {
    await close();
  }
}

async function open(
  options: PeerSettings & { role: Role; page?: UiSettings; signal: AbortSignal },
): Promise<OpenPeer> {
  const { openPeer } = await import("./peers/open_peer.ts");
  try {
    return await openPeer(options);
  } catch (error) {
    const served = options.role === "serve" && error instanceof Fault && error.kind === "held";
    if (!served) throw error;
    return await openPeer({ ...options, role: "verb" });
  }
}
