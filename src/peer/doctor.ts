/**
 * Looks at all that a peer needs, and says of each whether it is as it should be. What only the owner
 * of DIR can see, the running peer is asked for; with none running, DIR is opened for a moment.
 */
import fs from "node:fs";
import { Fault } from "../fault.ts";
import { StateDatabase } from "../store/state_database.ts";
import { type StateFolder, stateFolderOf } from "../store/state_folder.ts";
import { type BootstrapReport, checkBootstrap } from "./checks/check_bootstrap.ts";
import { checkFolder } from "./checks/check_folder.ts";
import { checkLimits, checkOpenFiles } from "./checks/check_limits.ts";
import { checkVersions } from "./checks/check_versions.ts";
import { fault, type Finding, ok, warning } from "./checks/finding.ts";
import { examineState } from "./examine_state.ts";
import { findRunning } from "./open_peer.ts";
import { BOOTSTRAP_PORT, parseAddress, type PeerSettings, UPLOAD_SLOTS } from "./settings.ts";

/** All that was found, in the order in which a peer needs it. Throws only the signal's reason. */
export async function examine(settings: PeerSettings, signal?: AbortSignal): Promise<Finding[]> {
  const folder = stateFolderOf(settings.dir);
  const running = await findRunning(settings.dir);
  const status = await running?.status().catch(() => undefined);
  const bootstraps = status
    ? status.bootstraps.map(({ address }) => parseAddress(address, BOOTSTRAP_PORT))
    : settings.bootstraps;
  const reports = await Promise.all(
    bootstraps.map((one) => checkBootstrap(one, { running: status?.peer, signal })),
  );
  return [
    ...settle(reports),
    ...await checkFolder(folder, settings.createDir === true),
    ...running && status
      ? await running.diagnose().catch((error) => [fault("peer", error, "start it again")])
      : await withoutPeer(settings, folder),
    ...checkVersions(reports.flatMap(({ agents }) => agents), status?.agent),
  ];
}

async function withoutPeer(settings: PeerSettings, folder: StateFolder): Promise<Finding[]> {
  const limits = {
    limit_up: settings.limitUp ?? null,
    limit_down: settings.limitDown ?? null,
    upload_slots: settings.uploadSlots ?? UPLOAD_SLOTS,
  };
  if (!fs.existsSync(folder.database)) {
    const none = ok("state", "nothing is remembered yet");
    return [none, ...checkLimits(limits), ...await checkOpenFiles()];
  }
  let db: StateDatabase | undefined;
  try {
    db = StateDatabase.open(folder.database);
    return await examineState(db, limits);
  } catch (error) {
    const remedy = error instanceof Fault && error.kind === "held"
      ? "wait until the other command has ended"
      : "put the backup of state.db back, or remove it: all is then hashed again";
    return [fault("state", error, remedy), ...checkLimits(limits)];
  } finally {
    db?.close();
  }
}

/** While one of several bootstraps is there, all works: that another isn't is no fault. */
function settle(reports: BootstrapReport[]): Finding[] {
  const findings = reports.flatMap((report) => report.findings);
  if (!reports.some(({ findings: [first] }) => first.level !== "fault")) return findings;
  return findings.map((one) =>
    one.level === "fault" ? warning(one.check, one.message, one.remedy) : one
  );
}
