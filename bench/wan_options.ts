import { benchWords } from "./bench_words.ts";

const MB = 1e6;

export const FIGURES = ["links", "small", "folder", "swarm", "fetchers"] as const;

export const USAGE = `deno task bench:wan [FIGURE…] [options]

  links        one file over links with delay and loss, beside curl and libtorrent; open and private
  small        a file of 1 KB, in round trips; open and private
  folder       a folder of small files, beside rsync
  swarm        one seeder and many peers behind links of their own, beside libtorrent
  fetchers     one peer whose link many far ones share, each with a file of its own

  --rounds N   how often each tool takes its turn (default 3)
  --only N     only the Nth link
  --files N    files of 4 KiB in the folder (default 3000)
  --peers N    peers of the swarm besides the seeder (default 6)
  --mbit RATE  each link of the swarm, both ways (default 20)
  --ms MS      round trip between two peers of the swarm (default 40)
  --size MB    the swarm's file (default 30)
  --fetchers N peers that share one link (default 50)

Without a FIGURE all of them, one after the other. It needs root, ip, nsenter and a C compiler.
$SHOAL_BIN names the binary to measure; without it the source is run.`;

export interface WanOptions {
  figures: readonly (typeof FIGURES)[number][];
  rounds: number;
  /** The one link that is measured, counted from 1; 0 is all. */
  only: number;
  files: number;
  fetchers: number;
  swarm: { peers: number; mbit: number; roundTripMs: number; size: number };
}

/** Reads the command line. Throws an Error that names the word it could not use. */
export function parseWanOptions(args: string[]): WanOptions | "help" {
  const words = benchWords(args, {
    figures: FIGURES,
    values: ["rounds", "only", "files", "peers", "mbit", "ms", "size", "fetchers"],
  });
  if (words === "help") return words;
  return {
    figures: words.figures,
    rounds: words.count("rounds", 3),
    only: words.count("only", 0),
    files: words.count("files", 3_000),
    fetchers: words.count("fetchers", 50),
    swarm: {
      peers: words.count("peers", 6),
      mbit: words.count("mbit", 20),
      roundTripMs: words.count("ms", 40),
      size: words.count("size", 30) * MB,
    },
  };
}
