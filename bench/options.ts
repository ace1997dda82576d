import { parseArgs } from "@std/cli/parse-args";

const MIB = 1024 * 1024;

export const USAGE = `deno task bench [--rounds N] [--size MIB] [--big MIB] [--quick] [--json]

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
  /** How often each start of a process is timed. */
  starts: number;
  json: boolean;
}

/** Reads the command line. Throws an Error that names the word it could not use. */
export function parseOptions(args: string[]): BenchOptions | "help" {
  const words: Record<string, unknown> = parseArgs(args, {
    boolean: ["quick", "json", "help"],
    string: ["rounds", "size", "big", "files"],
    alias: { h: "help" },
    unknown: (word: string) => {
      throw new Error(`Cannot use ${word}: there is no such option`);
    },
  });
  if (words.help) return "help";
  const quick = words.quick === true;
  return {
    rounds: count("rounds", words.rounds, quick ? 2 : 5),
    size: count("size", words.size, quick ? 64 : 1024) * MIB,
    big: count("big", words.big, quick ? 64 : 4096) * MIB,
    files: count("files", words.files, quick ? 1_000 : 10_000),
    starts: quick ? 3 : 10,
    json: words.json === true,
  };
}

/** A whole number from 1 up that an option was given, or what it is otherwise. */
export function count(option: string, given: unknown, otherwise: number): number {
  if (given === undefined) return otherwise;
  if (!/^[1-9]\d{0,6}$/.test(String(given))) {
    throw new Error(`Cannot use --${option} ${given}: it must be a whole number from 1 up`);
  }
  return Number(given);
}
