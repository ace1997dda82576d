import { benchWords } from "./bench_words.ts";

export const FIGURES = ["one", "many", "meet"] as const;

export const USAGE = `deno task bench:codes [FIGURE…] [options]

  one            one receiver, start to exit, beside magic-wormhole where it is installed
  many           many receivers and a sender with a limit: time against the bound, and copies sent
  meet           how long it takes many to join one room

  --size MIB     the file of one (default 200)
  --receivers N  receivers of many (default 10)
  --runs N       runs of one, in turn (default 3)

Without a FIGURE all of them, one after the other.
$SHOAL_BIN names the binary to measure; without it the source is run.`;

export interface CodesOptions {
  figures: readonly (typeof FIGURES)[number][];
  /** Bytes. */
  size: number;
  receivers: number;
  runs: number;
}

/** Reads the command line. Throws an Error that names the word it could not use. */
export function parseCodesOptions(args: string[]): CodesOptions | "help" {
  const words = benchWords(args, { figures: FIGURES, values: ["size", "receivers", "runs"] });
  if (words === "help") return words;
  return {
    figures: words.figures,
    size: words.count("size", 200) * 1024 * 1024,
    receivers: words.count("receivers", 10),
    runs: words.count("runs", 3),
  };
}
