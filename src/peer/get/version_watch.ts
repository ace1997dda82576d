import { Fault, inQuotes } from "../../fault.ts";
import type { FetchJob } from "../status/fetch_job.ts";
import type { Target } from "../target/target.ts";
import type { Swarm } from "../discovery/swarm.ts";

/** The pause between two looks whether anything comes, in milliseconds. */
const LOOK_MS = 500;
/** The time without progress before a newer version is looked for, and again, in milliseconds. */
const QUIET_MS = 2_000;
/** Versions that are fetched at most, where each takes the place of the one before. */
const VERSIONS_TRIED = 5;

/** The Fault for a version without sources whose publisher announces a newer one under its name. */
export class Replaced extends Fault {
  constructor(name: string) {
    super("network", `Cannot get ${inQuotes(name)}: a newer version takes its place`, {
      next: "run it again: it gets the newer one",
    });
  }
}

/**
 * Ends a download, as {@link Replaced}, when nothing comes and there is a newer version of what it
 * fetches, until it is disposed of. Unsigned content has no versions.
 */
export function endReplaced(
  job: FetchJob,
  { announcement }: Target,
  { swarm, signal }: { swarm: Pick<Swarm, "find">; signal: AbortSignal },
): Disposable {
  if (!announcement) return { [Symbol.dispose]() {} };
  const { name, publisher, id, time } = announcement;
  const { transfer } = job;
  let last = transfer.meter.total;
  let since = performance.now();
  const look = () => {
    const now = performance.now();
    const fetches = job.phase === "connecting" || job.phase === "fetching";
    const comes = transfer.meter.total !== last || (job.downloader?.connected ?? 0) > 0;
    last = transfer.meter.total;
    if (!fetches || comes) since = now;
    if (now - since < QUIET_MS) return;
    since = now;
    void swarm.find({ name, publisher }, signal).then((offers) => {
      const newer = offers.some(({ announcement: other }) =>
        other.publisher === publisher && other.id !== id && other.time > time
      );
      if (newer) job.ending.abort(new Replaced(job.name));
      // Bootstraps come and go; the next time may be better.
    }, () => {});
  };
  const timer = setInterval(look, LOOK_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Fetches what a request means, and where that is replaced meanwhile, what it means then. */
export async function fetchNewest<T>(fetch: () => Promise<T>): Promise<T> {
  for (let tried = 1;; tried++) {
    try {
      return await fetch();
    } catch (error) {
      if (!(error instanceof Replaced) || tried === VERSIONS_TRIED) throw error;
    }
  }
}
