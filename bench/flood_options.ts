import { benchWords } from "./bench_words.ts";

/** The kinds of hostile callers (flood_attacker.ts). */
export const KINDS = ["silent", "slow", "unreading", "garbage", "registering"] as const;

export const USAGE = `deno task bench:flood [KIND…] [options]

  How a bootstrap bears up under hostile connections: how long an honest \`find\` takes before and
  meanwhile, and what its memory comes to afterwards. Linux.

  KIND              what the hostile ones do: ${KINDS.join(", ")} (default all)
  --connections N   how many (default 2000)
  --seconds N       how long questions are asked meanwhile (default 8)
  --json            one JSON value instead of lines

$SHOAL_BIN names the binary to measure; without it the source is run. Ends with 1 when a goal is missed.`;

export interface FloodOptions {
  kinds: readonly (typeof KINDS)[number][];
  connections: number;
  seconds: number;
  json: boolean;
}

/** Reads the command line. Throws an Error that names the word it could not use. */
export function parseFloodOptions(args: string[]): FloodOptions | "help" {
  const words = benchWords(args, {
    figures: KINDS,
    flags: ["json"],
    values: ["connections", "seconds"],
  });
  if (words === "help") return words;
  return {
    kinds: words.figures,
    connections: words.count("connections", 2_000),
    seconds: words.count("seconds", 8),
    json: words.has("json"),
  };
}
