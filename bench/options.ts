import { benchWords } from "./bench_words.ts";
import { folderRate } from "./figures/folder_rate.ts";
import { getRate } from "./figures/get_rate.ts";
import { privateRate } from "./figures/private_rate.ts";
import { peakMemory } from "./figures/peak_memory.ts";
import { shareRate } from "./figures/share_rate.ts";
import { startTime } from "./figures/start_time.ts";
import { updateTime } from "./figures/update_time.ts";

const MIB = 1024 * 1024;

/** The figures, by the words that ask for them. */
export const FIGURES = {
  get: getRate,
  private: privateRate,
  share: shareRate,
  folder: folderRate,
  memory: peakMemory,
  start: startTime,
  update: updateTime,
};

type FigureName = keyof typeof FIGURES;

export const USAGE =
  `deno task bench [FIGURE...] [--rounds N] [--size MIB] [--big MIB] [--quick] [--json]

  FIGURE       any of ${Object.keys(FIGURES).join(", ")} (default all)
  --rounds N   how often each tool takes its turn (default 5)
  --size MIB   the file of the rates (default 1024)
  --big MIB    the file of the memory figures (default 4096)
  --files N    files of 4 KiB in the folder that is shared and fetched (default 10000)
  --quick      a smoke run: 2 rounds, 64 MiB for both, 1000 files, unless given
  --json       one JSON value instead of the table

$SHOAL_BIN names the binary to measure; without it the source is run.`;

export interface BenchOptions {
  rounds: number;
  /** Bytes of the file that is fetched and hashed for rates. */
  size: number;
  /** Bytes of the file that memory is measured with. */
  big: number;
  /** Files in the folder of the folder figures. */
  files: number;
  /** Number of timed starts of each process. */
  starts: number;
  json: boolean;
  /** The figures to take, in this order. */
  figures: readonly FigureName[];
}

/** Reads the command line. Throws an Error that names the word it could not use. */
export function parseOptions(args: string[]): BenchOptions | "help" {
  const words = benchWords(args, {
    figures: Object.keys(FIGURES) as FigureName[],
    flags: ["quick", "json"],
    values: ["rounds", "size", "big", "files"],
  });
  if (words === "help") return words;
  const quick = words.has("quick");
  return {
    rounds: words.count("rounds", quick ? 2 : 5),
    size: words.count("size", quick ? 64 : 1024) * MIB,
    big: words.count("big", quick ? 64 : 4096) * MIB,
    files: words.count("files", quick ? 1_000 : 10_000),
    starts: quick ? 3 : 10,
    json: words.has("json"),
    figures: words.figures,
  };
}
