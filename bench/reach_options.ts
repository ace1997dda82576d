import { benchWords } from "./bench_words.ts";

const MB = 1e6;

const FIGURES = ["matrix", "families", "rates"] as const;

export const USAGE = `deno task bench:reach [FIGURE…] [options]

  matrix       two peers behind each pair of routers: the path, and seconds to the first byte
  families     IPv4 alone, IPv6 alone and both, with a bootstrap that has both
  rates        what each path carries, and the processor time of a relay

  --ms MS      round trip between any two (default 40)
  --mbit RATE  each home's link, both ways (default 100)
  --size MB    the file whose rate is taken (default 60)
  --private    in a private swarm

Without a FIGURE all of them, one after the other. It needs root, ip, nft, nsenter and a C compiler.
The source is run, by this runtime: hole punching takes Deno 2.7.10.`;

export interface ReachBenchOptions {
  figures: readonly (typeof FIGURES)[number][];
  roundTripMs: number;
  mbit: number;
  size: number;
  isPrivate: boolean;
}

/** Reads the command line. Throws an Error that names the word it could not use. */
export function parseReachOptions(args: string[]): ReachBenchOptions | "help" {
  const words = benchWords(args, {
    figures: FIGURES,
    flags: ["private"],
    values: ["ms", "mbit", "size"],
  });
  if (words === "help") return words;
  return {
    figures: words.figures,
    roundTripMs: words.count("ms", 40),
    mbit: words.count("mbit", 100),
    size: words.count("size", 60) * MB,
    isPrivate: words.has("private"),
  };
}
