import type { Host } from "../netns.ts";

/** The setting of a swarm. */
export interface SwarmSetting {
  /** The host of a server that all of them know; its link has no limit. */
  meeting: Host;
  /** The source's, then one for each peer that fetches. */
  hosts: readonly Host[];
  /** The file: a folder with nothing else in it, and its name. */
  original: { folder: string; name: string };
  /** A folder for what they fetch and need besides. */
  scratch: string;
}

/** The outcome of a swarm. */
interface SwarmOutcome {
  /** From the common start until it had the whole file, for each peer. */
  seconds: number[];
  /** Other things worth knowing, a line each. */
  notes: string[];
}

/** A program whose swarm spreads a file to all hosts. */
export interface SwarmFetcher {
  name: string;
  /** True when it has goals to reach. */
  ours: boolean;
  /** Runs a swarm, and compares what came. Throws NotInstalled. */
  spread(setting: SwarmSetting): Promise<SwarmOutcome>;
}
