import { programWords } from "../../tests/e2e/program.ts";
import { lastLine, type Peer, type World } from "../../tests/e2e/world.ts";
import type { Receipt, ShareResult } from "../../src/peer/api/peer_api.ts";
import { type TimedRun, timedRun } from "../measure/timed_run.ts";
import type { Sample } from "../measure/interleave.ts";
import type { Fetcher } from "./fetcher.ts";

/** Runs `shoal …` to its end. */
export function runShoal(...args: string[]): Promise<TimedRun> {
  return timedRun([...programWords(), ...args]);
}

/** `shoal peer share`: by the peer that runs for `dir`, or as a peer of its own. */
export async function shareFile(world: World, dir: string, path: string): Promise<Sample> {
  const options = ["--dir", dir, "--json", ...world.options()];
  const { stdout, seconds } = await runShoal("peer", "share", path, ...options);
  const [result] = JSON.parse(stdout) as ShareResult[];
  return { reported: result.seconds, process: seconds };
}

/** `shoal peer get`: by the peer that runs for `dir`, or as a peer of its own. */
export async function getFile(world: World, dir: string, name: string): Promise<Sample> {
  const options = ["--dir", dir, "--json", ...world.options()];
  const { stdout, seconds } = await runShoal("peer", "get", name, ...options);
  const receipt = JSON.parse(lastLine(stdout)) as Receipt;
  return { reported: receipt.seconds, process: seconds };
}

/** A one-shot `shoal peer get` from a running peer, whose folder the file lies in. */
export function shoalGet(
  world: World,
  sharer: Peer,
  { name = "get: shoal, verified and written", goal }: { name?: string; goal?: string } = {},
): Fetcher {
  return {
    ...{ name, goal },
    async start({ name }) {
      await shareFile(world, sharer.dir, `${sharer.dir}/${name}`);
      return (into) => getFile(world, into, name);
    },
  };
}
