import { resolve } from "node:path";
import { stat } from "node:fs/promises";
import { InvalidArgumentError, Option } from "commander";
import { Fault, quoted } from "../../fault.ts";
import type { GetRequest } from "../../peer/api/peer_api.ts";
import { option } from "../args/options.ts";
import { pinnedName } from "../args/pinned_name.ts";
import { splitWords } from "../args/split_words.ts";
import { parseDuration, parseRate } from "../output/units.ts";
import { parsing, UsageFault } from "../output/usage.ts";
import { idOption } from "./id_option.ts";
import { publisherOption } from "./publisher_option.ts";

/** A timer can't be set to more than 2^31 - 1 ms. */
const LONGEST_S = 24 * 86_400;

/** Durations are in seconds. */
export interface GetFlags {
  output?: string;
  id?: string;
  publisher?: string;
  /** SHA-256: 64 hex digits. */
  checksum?: string;
  overwrite?: true;
  update?: true;
  delete?: true;
  /** False with `--no-clobber`. */
  clobber?: boolean;
  reuse?: string[];
  deadline?: number;
  wait?: number;
  /** True is as long as it takes. */
  waitLock?: number | true;
  splay?: number;
  seedFor?: number;
  fromFile?: string;
  receipt?: string;
  /** Words of a command. */
  onDone?: string[];
  onError?: string[];
  dryRun?: true;
  /** Bytes per second; null is no limit. */
  limitDown?: number | null;
}

/** The options of `get`, in the shell too. */
export function getOptions(): Option[] {
  return [
    option("-o, --output <PATH>", "where to put it, a file or a folder; - is standard output"),
    idOption("which content, the same as NAME@ID"),
    publisherOption("whose; default the one who is remembered for the name"),
    option("--checksum <sha256=HEX>", "what the SHA-256 of the whole file must be")
      .argParser(parseChecksum),
    option("--overwrite", "replace what is at the destination"),
    option(
      "--update",
      "replace it only by the remembered publisher's newer version; of a folder, what changed",
    )
      .conflicts(["overwrite", "clobber", "id"]),
    option("--delete", "with --update: remove from a folder what is no longer in it"),
    option("--no-clobber", "leave alone a file or folder that is there already")
      .conflicts("overwrite"),
    option("--reuse <PATH>", "copy chunks from this file that needn't be fetched then; repeatable")
      .argParser((path: string, before: string[] = []) => [...before, path]),
    duration(
      "--deadline <DURATION>",
      "give up so long after the start, whatever is waited for: 30s, 10m, 2h",
    ),
    duration(
      "--wait <DURATION>",
      "how long to wait while no source can be reached (default: 60s), or nobody has it yet " +
        "(default: not at all)",
    ),
    duration("--wait-lock [DURATION]", "wait for another download to the same place, or for DIR"),
    duration("--splay <DURATION>", "begin after a random part of this time"),
    option(
      "--from-file <LIST>",
      "fetch the names in this file too, one a line; - is standard input",
    ),
    option("--receipt <FILE>", "write the receipt there too, as JSON"),
    option("--on-done <COMMAND>", "then run this, without a shell; $SHOAL_PATH and others tell")
      .argParser(parsing(parseCommand)),
    option("--on-error <COMMAND>", "run this if it fails; $SHOAL_ERROR and others tell")
      .argParser(parsing(parseCommand)),
    option("--dry-run", "only say what would be fetched, from whom, and what is here already"),
    // The variable of that name is the peer's own limit.
    new Option("--limit-down <RATE>", "fetch no more than so many bytes per second: 500K, 2M")
      .argParser(parsing(parseRate)),
  ];
}

/** Those that make no sense where a peer goes on serving anyway. */
export function onceGetOptions(): Option[] {
  return [duration("--seed-for <DURATION>", "stay and serve what was fetched for so long")];
}

/**
 * Throws a UsageFault for flags that can't be meant together; commander has refused those pairs
 * that it can see. `several` is true for a list of names.
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
  const several = words.length !== 1 || fromFile !== undefined;
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
 * What is asked for a name, but for how long it may take; an output that ends with a slash still does.
 * Throws a `usage` Fault for a folder that doesn't exist: one whose path ends with a slash, or is to take
 * several files.
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
    ...{ publisher, overwrite, update, delete: cleaned, output },
    no_clobber: flags.clobber === false || undefined,
    reuse: flags.reuse?.map((path) => resolve(cwd, path)),
    sha256: checksum,
    wait: ms(wait),
    limit_down: limitDown ?? undefined,
  };
}

/** Where `-o` leads on disk, if it does. Throws as {@link requestOf} does. */
export async function outputOf(
  { output: path }: Pick<GetFlags, "output">,
  { cwd, several }: { cwd: string; several: boolean },
): Promise<string | undefined> {
  if (!path || path === "-") return;
  const absolute = resolve(cwd, path);
  const namesFolder = several || /[/\\]$/.test(path) && path !== absolute;
  if (namesFolder && !(await stat(absolute).catch(() => undefined))?.isDirectory()) {
    throw new Fault("usage", `Cannot write to ${path}: there is no such folder`);
  }
  return namesFolder ? `${absolute}/` : absolute;
}

function duration(flags: string, description: string): Option {
  return option(flags, description).argParser(parsing(parseTime));
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
  if (!hex) throw new InvalidArgumentError("It must be sha256= and 64 hex digits.");
  return hex.toLowerCase();
}

function parseCommand(text: string): string[] {
  const words = splitWords(text);
  if (!words[0]) throw new Fault("usage", "it names no command");
  return words;
}
