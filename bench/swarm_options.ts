import { benchWords } from "./bench_words.ts";

const MIB = 1024 * 1024;

export const FIGURES = ["swarm", "sources", "kills", "limits"] as const;

export const USAGE = `deno task bench:swarm [FIGURE…] [options]

  swarm        one seeder and many peers, beside libtorrent where it is installed
  sources      what a second source of the same rate brings
  kills        what is fetched again after random kills
  limits       how exactly --limit-up and --limit-down are kept

  --peers N    peers of the swarm besides the seeder (default 8)
  --size MIB   the swarm's file (default 256)
  --mbit RATE  each link of the swarm, both ways (default 100)
  --loopback   no network namespaces for the swarm: programs limit themselves
  --kills N    how many kills (default 100)

Without a FIGURE all of them, one after the other. Namespaces need root, ip and tc.
$SHOAL_BIN names the binary to measure; without it the source is run.`;

export interface SwarmOptions {
  figures: readonly (typeof FIGURES)[number][];
  peers: number;
  /** Bytes. */
  size: number;
  /** Mbit/s, each way. */
  mbit: number;
  loopback: boolean;
  kills: number;
}

/** Reads the command line. Throws an Error that names the word it could not use. */
export function parseSwarmOptions(args: string[]): SwarmOptions | "help" {
  const words = benchWords(args, {
    figures: FIGURES,
    values: ["peers", "size", "mbit", "kills"],
    flags: ["loopback"],
  });
  if (words === "help") return words;
  return {
    figures: words.figures,
    peers: words.count("peers", 8),
    size: words.count("size", 256) * MIB,
    mbit: words.count("mbit", 100),
    loopback: words.has("loopback"),
    kills: words.count("kills", 100),
  };
}
