import { stat } from "node:fs/promises";
import { Fault, inQuotes, quoted } from "../../fault.ts";
import type { GetRequest } from "../../peer/api/peer_api.ts";
import { flag, type FlagsOf, negative, option } from "../args/cli_option.ts";
import { pinnedName } from "../args/pinned_name.ts";
import { splitWords } from "../args/split_words.ts";
import { parseDuration, parseRate } from "../output/units.ts";
import { UsageFault } from "../output/usage.ts";
import { idOption } from "../args/id_option.ts";
import { publisherOption } from "../args/publisher_option.ts";
import { absolutePath, pathIn, plainPath } from "../../system/paths.ts";

/** A timer can't be set to more than 2^31 - 1 ms. */
const LONGEST_S = 24 * 86_400;

/** A duration, in seconds. */
const TIME = { parse: parseTime };

/** The options of `get`. */
export const GET_OPTIONS = {
  output: option(
    "-o, --output <PATH>",
    "where to put it, a file or a folder; - is standard output",
  ),
  id: idOption("which content, the same as NAME@ID"),
  publisher: publisherOption("the publisher; default the one remembered for the name"),
  /** SHA-256: 64 hex digits. */
  checksum: option("--checksum <sha256=HEX>", "what the SHA-256 of the whole file must be", {
    parse: parseChecksum,
  }),
  unsigned: flag("--unsigned", "take it from legacy peers, too, which sign nothing"),
  overwrite: flag("--overwrite", "replace what is at the destination"),
  update: flag(
    "--update",
    "replace it only by the remembered publisher's newer version; of a folder, what changed",
    { conflicts: ["overwrite", "clobber", "id"] },
  ),
  delete: flag("--delete", "with --update: remove from a folder what is no longer in it"),
  clobber: negative("--no-clobber", "leave alone a file or folder that is there already", {
    conflicts: ["overwrite"],
  }),
  reuse: option<string[]>(
    "--reuse <PATH>",
    "copy chunks from this file that needn't be fetched then; repeatable",
    { parse: (path, before = []) => [...before, path] },
  ),
  deadline: option(
    "--deadline <DURATION>",
    "give up so long after the start, whatever is waited for: 30s, 10m, 2h",
    TIME,
  ),
  wait: option(
    "--wait <DURATION>",
    "how long to wait while no source can be reached (default: 60s, 15s if none ever was), or there is none yet " +
      "(default: not at all)",
    TIME,
  ),
  /** True is as long as it takes. */
  waitLock: option<number | true>(
    "--wait-lock [DURATION]",
    "wait for another download to the same place, or for DIR",
    TIME,
  ),
  splay: option("--splay <DURATION>", "begin after a random part of this time", TIME),
  fromFile: option(
    "--from-file <LIST>",
    "fetch the names in this file too, one a line; - is standard input",
  ),
  metricsFile: option(
    "--metrics-file <FILE>",
    "write what became of it there, for the textfile collector of Prometheus's node_exporter",
  ),
  receipt: option("--receipt <FILE>", "write the receipt there too, as JSON"),
  /** Words of a command. */
  onDone: option(
    "--on-done <COMMAND>",
    "then run this, without a shell; $SHOAL_PATH and others tell",
    { parse: parseCommand },
  ),
  onError: option("--on-error <COMMAND>", "run this if it fails; $SHOAL_ERROR and others tell", {
    parse: parseCommand,
  }),
  dryRun: flag(
    "--dry-run",
    "only show what would be fetched, from which sources, and what is here already",
  ),
  /** Bytes per second; 0 is no limit. The variable of that name is the peer's own limit. */
  limitDown: option(
    "--limit-down <RATE>",
    "fetch no more than so many bytes per second: 500K, 2M",
    {
      variable: null,
      parse: parseRate,
    },
  ),
  /** Makes no sense where a peer keeps serving anyway. */
  seedFor: option("--seed-for <DURATION>", "stay and serve what was fetched for so long", {
    ...TIME,
    once: true,
    listens: true,
  }),
};
export type GetFlags = FlagsOf<typeof GET_OPTIONS>;

/** True for more than one name, or a list of names. */
export function isSeveral(words: string[], { fromFile }: GetFlags): boolean {
  return words.length !== 1 || fromFile !== undefined;
}

/**
 * Throws a UsageFault for flags that can't be meant together; commander has refused those pairs
 * that it can see.
 */
export function checkFlags(flags: GetFlags, words: string[]): void {
  const { output, fromFile, checksum, id, update, reuse, seedFor, clobber, overwrite } = flags;
  const { splay, deadline } = flags;
  const refuse = (what: string) => {
    throw new UsageFault(what, "shoal peer get --help");
  };
  if (words.length === 0 && fromFile === undefined) {
    refuse("missing required argument 'NAME', or --from-file");
  }
  const several = isSeveral(words, flags);
  if (several && output === "-") refuse("several files can't go to standard output");
  if (several && id) refuse("--id is for one file; name several as NAME@ID");
  if (several && checksum) refuse("--checksum is for one file");
  if (update && words.some((word) => pinnedName(word).id)) {
    refuse("--update takes the newest version, NAME@ID a certain one");
  }
  if (splay !== undefined && deadline !== undefined && splay >= deadline) {
    refuse("--deadline counts from the start, so it must be longer than --splay");
  }
  if (flags.delete && !update) refuse("option '--delete' needs --update");
  if (output !== "-") return;
  const onDisk = { update, reuse, overwrite, "no-clobber": clobber === false, "seed-for": seedFor };
  const misplaced = Object.entries({ ...onDisk, "dry-run": flags.dryRun }).find(([, given]) =>
    given
  );
  if (misplaced) refuse(`--${misplaced[0]} is for a file on disk, not for standard output`);
}

/**
 * Builds the request for a name, but for its deadline; an output that ends with a slash still does.
 * Throws a `usage` Fault for a folder that doesn't exist: one whose path ends with a slash, or is
 * to take several files.
 */
export async function requestOf(
  word: string,
  flags: GetFlags,
  { cwd, several }: { cwd: string; several: boolean },
): Promise<GetRequest> {
  const { id, publisher, checksum, wait, limitDown, overwrite, update } = flags;
  const { delete: cleaned } = flags;
  const ms = (seconds?: number) => seconds === undefined ? undefined : seconds * 1000;
  const output = await outputOf(flags, { cwd, several });
  return {
    ...pinnedName(word, id),
    publisher,
    overwrite,
    update,
    delete: cleaned,
    output,
    no_clobber: flags.clobber === false || undefined,
    reuse: flags.reuse?.map((path) => absolutePath(path, cwd)),
    sha256: checksum,
    unsigned: flags.unsigned,
    wait: ms(wait),
    limit_down: limitDown,
  };
}

/** The path on disk that `-o` leads to, if it does. Throws as {@link requestOf} does. */
export async function outputOf(
  { output: path }: Pick<GetFlags, "output">,
  { cwd, several }: { cwd: string; several: boolean },
): Promise<string | undefined> {
  if (!path || path === "-") return;
  const absolute = absolutePath(path, cwd);
  const namesFolder = several || /[/\\]$/.test(path) && plainPath(path) !== absolute;
  if (namesFolder && !(await stat(absolute).catch(() => undefined))?.isDirectory()) {
    throw new Fault("usage", `Cannot write to ${inQuotes(path)}: there is no such folder`);
  }
  return namesFolder ? pathIn(absolute, "") : absolute;
}

/** Seconds. */
function parseTime(text: string): number {
  const seconds = parseDuration(text);
  if (seconds > LONGEST_S) throw new Fault("usage", `${quoted(text)} is too long: 24 days at most`);
  return seconds;
}

/** The 64 hex digits. */
function parseChecksum(text: string): string {
  const hex = /^sha256=([0-9a-f]{64})$/i.exec(text)?.[1];
  if (!hex) throw new Fault("usage", "it must be sha256= and 64 hex digits");
  return hex.toLowerCase();
}

function parseCommand(text: string): string[] {
  const words = splitWords(text);
  if (!words[0]) throw new Fault("usage", "it names no command");
  return words;
}
