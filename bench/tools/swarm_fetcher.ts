import type { Host } from "../netns.ts";

/** Where a swarm is let loose. */
export interface SwarmSetting {
  /** Where a server that all of them know may run; its link has no limit. */
  meeting: Host;
  /** The seeder's, then one for each peer that fetches. */
  hosts: readonly Host[];
  /** The file: a folder with nothing else in it, and its name. */
  original: { folder: string; name: string };
  /** A folder for what they fetch and need besides. */
  scratch: string;
}

/** How a swarm did. */
export interface SwarmOutcome {
  /** From the common start until it had the whole file, for each peer. */
  seconds: number[];
  /** What else is worth knowing, a line each. */
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
