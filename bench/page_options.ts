import { parseArgs } from "@std/cli/parse-args";
import { count } from "./options.ts";

const GIB = 1024 ** 3;

export const FIGURES = ["load", "events", "download", "frames"] as const;

export const USAGE = `deno task bench:page [FIGURE…] [options]

  load         first paint, and the weight of the page
  events       how old the page's events are
  download     what an open page costs a download: rate, and processor time
  frames       the longest frame with many files

  --size GIB   the file that is downloaded (default 2)
  --rounds N   downloads with a page, and as many without (default 5)
  --files N    files that are listed (default 10000)

Without a FIGURE all of them, one after the other. Needs chromium, and room for three times the file.
$SHOAL_BIN names the binary to measure; without it the source is run.`;

export interface PageBenchOptions {
  figures: readonly (typeof FIGURES)[number][];
  /** Bytes. */
  size: number;
  rounds: number;
  files: number;
}

/** Reads the command line. Throws an Error that names the word it could not use. */
export function parsePageOptions(args: string[]): PageBenchOptions | "help" {
  const words: Record<string, unknown> = parseArgs(args, {
    boolean: ["help"],
    string: ["size", "rounds", "files"],
    alias: { h: "help" },
    unknown: (word: string) => {
      if (!word.startsWith("-")) return;
      throw new Error(`Cannot use ${word}: there is no such option`);
    },
  });
  if (words.help) return "help";
  const named = (words._ as unknown[]).map(String);
  for (const name of named) {
    if (!FIGURES.some((figure) => figure === name)) {
      throw new Error(`Cannot take ${name}: the figures are ${FIGURES.join(", ")}`);
    }
  }
  return {
    figures: named.length > 0 ? FIGURES.filter((figure) => named.includes(figure)) : FIGURES,
    size: count("size", words.size, 2) * GIB,
    rounds: count("rounds", words.rounds, 5),
    files: count("files", words.files, 10_000),
  };
}
