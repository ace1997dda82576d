import { parseArgs } from "@std/cli/parse-args";
import { count } from "./options.ts";

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
  const words: Record<string, unknown> = parseArgs(args, {
    boolean: ["help"],
    string: ["fetchers", "size", "up", "splay"],
    alias: { h: "help" },
    unknown: (word: string) => {
      throw new Error(`Cannot use ${word}: there is no such option`);
    },
  });
  if (words.help) return "help";
  return {
    fetchers: count("fetchers", words.fetchers, 50),
    size: count("size", words.size, 64) * MIB,
    up: count("up", words.up, 100) * 1e6,
    splay: words.splay === undefined ? 0 : count("splay", words.splay, 0),
  };
}
