import fs from "node:fs";
import { Fault, inQuotes, quoted } from "../fault.ts";
import { describeState } from "../store/state/describe_state.ts";
import { openStateFolder, type StateFolder, stateFolderOf } from "../store/state/state_folder.ts";
import { isOwnState, markOwnState } from "../store/state/state_origin.ts";
import { Identity } from "../trust/identity.ts";
import { type AdoptStateFlags, type PeerFlags, settingsOf } from "./args/options.ts";
import { askOnTerminal } from "./output/ask.ts";
import { EXIT, type ExitCode } from "./output/exit_code.ts";
import { Output } from "./output/output.ts";
import type { Stop } from "./process/stop.ts";

/**
 * `shoal peer adopt-state`: shows what a peer would do with the state in DIR, and takes it over
 * once its user agrees, so that a DIR that was moved or restored from a backup can be used again.
 */
export async function adoptState(
  flags: PeerFlags,
  { yes = false, newIdentity = false }: AdoptStateFlags,
  stop: Stop,
): Promise<ExitCode> {
  const output = new Output({ ...flags, signal: stop.signal });
  const { dir } = settingsOf(flags);
  if (!fs.existsSync(stateFolderOf(dir).path)) {
    throw new Fault("usage", `Cannot take over the state of ${quoted(dir)}: there is none`);
  }
  const folder = await openStateFolder(dir);
  const summary = fs.existsSync(folder.database) ? describeState(folder) : undefined;
  const peer = fs.existsSync(folder.identity) ? (await Identity.load(folder.identity)).id : null;
  if (isOwnState(folder) && !newIdentity) {
    markOwnState(folder);
    await report(output, { state: folder.path, adopted: false, peer, ...summary });
    return EXIT.ok;
  }
  if (!yes) await confirm(folder, { output, peer, newIdentity, stop, summary });
  if (newIdentity && peer !== null) {
    fs.renameSync(folder.identity, `${folder.path}/identity-${peer.slice(0, 12)}.pem`);
  }
  markOwnState(folder);
  const next = newIdentity ? (await Identity.load(folder.identity)).id : peer;
  await report(output, { state: folder.path, adopted: true, peer: next, ...summary });
  return EXIT.ok;
}

async function report(
  output: Output,
  result: { state: string; adopted: boolean; peer: string | null },
): Promise<void> {
  if (output.json) return await output.value(result);
  const who = result.peer === null ? "" : `, as peer ${result.peer.slice(0, 12)}`;
  await output.line(
    result.adopted
      ? `${result.state} is this peer's state now${who}`
      : `${result.state} is this peer's state already${who}`,
  );
}

/** Asks the user at the terminal. Throws a `usage` Fault unless the answer is yes. */
async function confirm(
  folder: StateFolder,
  { output, peer, newIdentity, stop, summary }: {
    output: Output;
    peer: string | null;
    newIdentity: boolean;
    stop: Stop;
    summary?: ReturnType<typeof describeState>;
  },
): Promise<void> {
  const ask = askOnTerminal(output);
  if (!ask) {
    throw new Fault(
      "usage",
      `Cannot take over ${inQuotes(folder.path)}: there is no terminal to ask at`,
      {
        next: "look at it with 'shoal peer adopt-state' on a terminal, or say --yes",
      },
    );
  }
  const lines = [
    `The state in ${inQuotes(folder.path)} was made in another place, or by another user.`,
    `identity: ${peer === null ? "none" : newIdentity ? "a new one will be made" : peer}`,
  ];
  if (summary) {
    lines.push(`shares: ${summary.shares}`);
    lines.push(
      ...summary.shares_outside.map((path) => `  serves ${inQuotes(path)}, outside of DIR`),
    );
    lines.push(`unfinished downloads: ${summary.downloads}`);
    lines.push(...summary.downloads_outside.map((path) => `  writes ${inQuotes(path)}`));
    lines.push(`trusted publishers: ${summary.trusted}`);
  }
  for (const line of lines) output.note(line);
  const answer = await ask("Take it over? [y/N] ", stop.signal);
  if (/^y(es)?$/i.test(answer.trim())) return;
  throw new Fault("usage", `Cannot use ${inQuotes(folder.path)}: it was not taken over`, {
    next: `remove "${folder.path}" if it isn't yours`,
  });
}
