import { benchWords } from "./bench_words.ts";

const GIB = 1024 ** 3;

export const FIGURES = ["load", "events", "commands", "hung", "download", "frames"] as const;

export const USAGE = `deno task bench:page [FIGURE…] [options]

  load         first paint, and the weight of the page
  events       how old the page's events are
  commands     Pause, a second tab and the longest task while 8, 50 and 1,000 downloads run
  hung         when a peer that hangs is noticed, and one that is back
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
  const words = benchWords(args, { figures: FIGURES, values: ["size", "rounds", "files"] });
  if (words === "help") return words;
  return {
    figures: words.figures,
    size: words.count("size", 2) * GIB,
    rounds: words.count("rounds", 5),
    files: words.count("files", 10_000),
  };
}
