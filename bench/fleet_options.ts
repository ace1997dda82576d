import { benchWords } from "./bench_words.ts";

const MIB = 1024 * 1024;

export const USAGE = `deno task bench:fleet [options]

  One seeder and many one-shot fetchers on this machine, all started in the same moment, as by one
  minute of cron on a fleet that has one clock.

  --fetchers N   how many (default 50)
  --size MIB     the file (default 64)
  --up MB        what the seeder sends at most, in MB (10^6 bytes) per second (default 100)
  --splay S      each begins up to so many seconds later, by chance (default 0)

$SHOAL_BIN names the binary to measure; without it the source is run.`;

export interface FleetOptions {
  fetchers: number;
  /** Bytes. */
  size: number;
  /** Bytes per second. */
  up: number;
  /** Seconds. */
  splay: number;
}

/** Reads the command line. Throws an Error that names the word it could not use. */
export function parseFleetOptions(args: string[]): FleetOptions | "help" {
  const words = benchWords(args, { values: ["fetchers", "size", "up", "splay"] });
  if (words === "help") return words;
  return {
    fetchers: words.count("fetchers", 50),
    size: words.count("size", 64) * MIB,
    up: words.count("up", 100) * 1e6,
    splay: words.count("splay", 0),
  };
}
