import { parseArgs } from "@std/cli/parse-args";

/** The options of a benchmark's command line. */
interface Understood<F extends string> {
  /** The figures that can be asked for by name. */
  figures?: readonly F[];
  flags?: string[];
  /** Options that take a value. */
  values: string[];
}

interface BenchWords<F extends string> {
  /** Those that were named, in the order in which they are understood; all where none was. */
  figures: readonly F[];
  /** True when a flag was given. */
  has(flag: string): boolean;
  /** A whole number from 1 up that an option was given, or what it is otherwise. */
  count(option: string, otherwise: number): number;
}

/** Reads a benchmark's command line. Throws an Error that names the word it could not use. */
export function benchWords<F extends string = never>(
  args: string[],
  { figures = [], flags = [], values }: Understood<F>,
): BenchWords<F> | "help" {
  const words: Record<string, unknown> = parseArgs(args, {
    boolean: [...flags, "help"],
    string: [...values, "_"],
    alias: { h: "help" },
    unknown: (word: string, option?: string) => {
      if (option === undefined && figures.some((figure) => figure === word)) return;
      if (option !== undefined) throw new Error(`Cannot use ${word}: there is no such option`);
      const known = figures.length > 0
        ? `it must be one of ${figures.join(", ")}`
        : "there are only options";
      throw new Error(`Cannot use ${word}: ${known}`);
    },
  });
  if (words.help) return "help";
  const named = words._ as string[];
  return {
    figures: named.length > 0 ? figures.filter((figure) => named.includes(figure)) : figures,
    has: (flag) => words[flag] === true,
    count(option, otherwise) {
      const given = words[option];
      if (given === undefined) return otherwise;
      if (!/^[1-9]\d{0,6}$/.test(String(given))) {
        throw new Error(`Cannot use --${option} ${given}: it must be a whole number from 1 up`);
      }
      return Number(given);
    },
  };
}
