/**
 * Looks at all that a peer needs, and says of each whether it is as it should be. What only the owner
 * of DIR can see, the running peer is asked for; with none running, DIR is opened for a moment.
 */
import fs from "node:fs";
import { Fault } from "../../fault.ts";
import type { PrivateTransport } from "../../trust/tls/private_transport.ts";
import { AGENT } from "../../version.ts";
import type { ControlClient } from "../../web/control_client.ts";
import { StateDatabase } from "../../store/state/state_database.ts";
import { requireOwnState } from "../../store/state/state_origin.ts";
import { type StateFolder, stateFolderOf } from "../../store/state/state_folder.ts";
import { checkFolder } from "../../peer/doctor/check_folder.ts";
import { checkLimits, checkOpenFiles } from "../../peer/doctor/check_limits.ts";
import { fault, type Finding, ok, warning } from "../../peer/api/finding.ts";
import { examineState } from "../../peer/doctor/examine_state.ts";
import { examineBootstraps } from "../../peer/doctor/examine_bootstraps.ts";
import { SilentPeer } from "../../web/silent_peer.ts";
import { transportOf } from "../../library/transport_of.ts";
import { findRunning } from "./open_peer.ts";
import { type PeerSettings, UPLOAD_SLOTS } from "../../peer/api/settings.ts";

/** All that was found. Throws only the signal's reason. */
export async function examine(settings: PeerSettings, signal?: AbortSignal): Promise<Finding[]> {
  const folder = stateFolderOf(settings.dir);
  try {
    requireOwnState(folder);
  } catch (error) {
    return [fault("state", error, adoptRemedy(error))];
  }
  const running = await findRunning(settings.dir, signal);
  const checks = await checkFolder(folder, settings.createDir === true);
  if (running && !(running instanceof SilentPeer)) {
    return [...checks, ...await throughPeer(running)];
  }
  const found = [
    ...checks,
    ...await examineSwarm(settings, signal),
    ...await withoutPeer(settings, folder),
  ];
  // Whatever has the port of a peer that is gone says nothing about this one.
  if (!running || !found.some((one) => one.level === "fault" && one.kind === "held")) return found;
  return [...found, fault("peer", running, running.next)];
}

function adoptRemedy(error: unknown): string {
  return error instanceof Fault && error.next || "see that only you can write there";
}

/** The running peer knows its swarm's key and its own bootstraps, whatever this command was told. */
async function throughPeer(running: ControlClient): Promise<Finding[]> {
  try {
    const { agent } = await running.status();
    const other = `the running peer is ${agent}, this is ${AGENT}`;
    const restart = agent === AGENT ? [] : [warning("version", other, "restart the peer")];
    return [...await running.diagnose(), ...restart];
  } catch (error) {
    return [fault("peer", error, "start it again")];
  }
}

async function examineSwarm(settings: PeerSettings, signal?: AbortSignal): Promise<Finding[]> {
  let transport: PrivateTransport | undefined;
  try {
    transport = await transportOf(settings);
  } catch (error) {
    return [fault("swarm key", error, "name the right file with --swarm-key")];
  }
  return await examineBootstraps(settings.bootstraps, { transport, signal });
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
