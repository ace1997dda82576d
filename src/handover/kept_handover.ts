/**
 * Hand-overs that this user takes part in, in the user's state home: a folder for each, readable by
 * its owner alone, with what was agreed on and what was fetched so far. So a receiver that was
 * interrupted goes on without a code.
 */
import fs from "node:fs";
import * as v from "valibot";
import { Fault } from "../fault.ts";
import { stateHome } from "../store/state/state_home.ts";
import { checkStatePart } from "../store/state/state_part.ts";
import { reasonOf } from "../system/file_failure.ts";
import { readRegularText } from "../system/open_regular.ts";
import { pathIn, realPathSync } from "../system/paths.ts";
import { replaceFile } from "../system/replace_file.ts";
import { toHex } from "../content/hex.ts";
import type { Address } from "../wire/address.ts";
import { Host, Port } from "../wire/protocol.ts";
import { HandoverOffer } from "./key_exchange.ts";

const FILE = "handover.json";
/** Most bytes of a file of ours: an offer has about 1,000. */
const CAP = 65_536;
/** Time after its end for which a hand-over can still be resumed, in milliseconds. */
const GRACE_MS = 24 * 3_600_000;

const Kept = v.object({
  offer: HandoverOffer,
  /** The bootstrap of the open swarm at which sender and receiver met. */
  bootstrap: v.object({ host: Host, port: Port }),
  /** The folder or file that it goes to: an absolute path. */
  output: v.string(),
});

type Kept = v.InferOutput<typeof Kept>;

/** A sender's offer, and the bootstrap at which it was met. */
export type Agreed = Pick<Kept, "offer" | "bootstrap">;

export class KeptHandover implements Kept {
  /** The folder for what belongs to it. */
  readonly dir: string;
  readonly offer: HandoverOffer;
  readonly bootstrap: Address;
  readonly output: string;

  private constructor(dir: string, { offer, bootstrap, output }: Kept) {
    this.dir = dir;
    this.offer = offer;
    this.bootstrap = bootstrap;
    this.output = output;
  }

  /** Keeps a hand-over, durably. Throws a `disk` Fault. */
  static keep({ offer, bootstrap }: Agreed, output: string): KeptHandover {
    const kept = { offer, bootstrap, output };
    const dir = makeHandoverFolder();
    try {
      replaceFile(pathIn(dir, FILE), JSON.stringify(kept), { mode: 0o600 });
    } catch (cause) {
      throw new Fault("disk", `Cannot write "${dir}": ${reasonOf(cause)}`, { cause });
    }
    return new KeptHandover(dir, kept);
  }

  /** Those that can be resumed to `output`, the latest first. What is over is removed. */
  static list(output: string, now = Date.now()): KeptHandover[] {
    const home = homeOfHandovers();
    if (home === undefined || !isThere(home)) return [];
    const kept: { handover: KeptHandover; since: number }[] = [];
    for (const name of fs.readdirSync(home)) {
      const dir = pathIn(home, name);
      if (!checkStatePart(dir, "folder")) continue;
      const handover = read(dir);
      if (handover === undefined) continue;
      if (handover.offer.until + GRACE_MS < now) removeHandoverFolder(dir);
      else if (handover.output === output) {
        kept.push({
          handover: new KeptHandover(dir, handover),
          since: fs.statSync(dir).mtimeMs,
        });
      }
    }
    return kept.sort((a, b) => b.since - a.since).map(({ handover }) => handover);
  }

  /** Forgets it, and removes what belongs to it. */
  remove(): void {
    removeHandoverFolder(this.dir);
  }
}

/**
 * Makes a fresh folder for a hand-over. Where the state home can't be written to, it is one for
 * temporary files, which no later run finds. Throws a `disk` Fault.
 */
function makeHandoverFolder(): string {
  const home = homeOfHandovers();
  if (home !== undefined) {
    const dir = pathIn(home, toHex(crypto.getRandomValues(new Uint8Array(8))));
    try {
      fs.mkdirSync(home, { recursive: true, mode: 0o700 });
      checkStatePart(home, "folder");
      fs.mkdirSync(dir, { mode: 0o700 });
      return dir;
    } catch (error) {
      if (error instanceof Fault) throw error;
    }
  }
  return makeSendingFolder();
}

/** Makes a folder for what a sender needs until it ends. Throws a `disk` Fault. */
export function makeSendingFolder(): string {
  try {
    return realPathSync(Deno.makeTempDirSync({ prefix: "shoal-handover-" }));
  } catch (cause) {
    throw new Fault("disk", `Cannot make a folder for the hand-over: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

/** Removes the folder of a hand-over with all that is in it. */
export function removeHandoverFolder(dir: string): void {
  if (checkStatePart(dir, "folder")) fs.rmSync(dir, { recursive: true, force: true });
}

function homeOfHandovers(): string | undefined {
  const home = stateHome();
  return home && pathIn(home, "handovers");
}

/** False, too, where the state home can't be looked at. Throws a `usage` Fault for a foreign one. */
function isThere(home: string): boolean {
  try {
    fs.readdirSync(home);
  } catch {
    return false;
  }
  return checkStatePart(home, "folder");
}

/** Undefined for a folder of another version. */
function read(dir: string): Kept | undefined {
  try {
    return v.parse(Kept, JSON.parse(readRegularText(pathIn(dir, FILE), { cap: CAP })));
  } catch {
    return undefined;
  }
}
