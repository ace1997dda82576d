import { Fault, type FaultKind, isAbort } from "../../fault.ts";
import { ClosedOutput } from "./output.ts";

interface Exit {
  /** The exit code of the program. */
  exit: number | "128+n";
  meaning: string;
  /** The advice to a script that reads it. */
  then: string;
}

/**
 * Exit codes, by the words that `--json` has for them. Help, manual pages and docs/cli.md show this
 * table.
 */
export const EXITS = {
  ok: { exit: 0, meaning: "done, or already up to date", then: "go on" },
  unexpected: {
    exit: 1,
    meaning: "an unforeseen fault",
    then: "report it, with `--log-level debug`",
  },
  usage: {
    exit: 2,
    meaning: "a bad option, name, path or folder",
    then: "correct the call; a retry is pointless",
  },
  not_found: {
    exit: 3,
    meaning: "no peer in the swarm has that name or id",
    then: "try later, or `get --wait`",
  },
  network: {
    exit: 4,
    meaning: "no bootstrap or source answers, or a port is taken",
    then: "try again",
  },
  integrity: {
    exit: 5,
    meaning: "content, publisher or swarm was refused",
    then: "look at the message; don't retry blindly",
  },
  destination: {
    exit: 6,
    meaning: "the destination exists and differs",
    then: "choose `--update`, `--overwrite` or another `-o`",
  },
  disk: {
    exit: 7,
    meaning: "disk full, no permission, or an I/O error",
    then: "free space, or mend permissions",
  },
  ambiguous: {
    exit: 8,
    meaning: "the name stands for several contents",
    then: "choose with `--publisher` or `--id`",
  },
  deadline: {
    exit: 9,
    meaning: "a deadline passed",
    then: "try again: the download resumes where it stopped",
  },
  held: {
    exit: 10,
    meaning: "another process holds DIR or the destination",
    then: "try again, or wait with `--wait-lock`",
  },
  hook: {
    exit: 11,
    meaning: "a hook can't be run, or --on-done failed",
    then: "mend the command; the file is in its place",
  },
  left_out: {
    exit: 12,
    meaning: "done, but a part of a folder was left out",
    then: "look at what is named: its permissions, its name, its disk",
  },
  closed_output: {
    exit: 141,
    meaning: "the reader of standard output went away: '| head'",
    then: "nothing",
  },
  interrupted: {
    exit: "128+n",
    meaning: "stopped by signal n: SIGINT 130, SIGTERM 143",
    then: "run it again to resume",
  },
} as const satisfies Record<
  FaultKind | "ok" | "unexpected" | "left_out" | "closed_output" | "interrupted",
  Exit
>;

type Exits = { readonly [Word in keyof typeof EXITS]: (typeof EXITS)[Word]["exit"] };

/** The numbers of {@link EXITS}. */
export const EXIT = Object.fromEntries(
  Object.entries(EXITS).map(([word, { exit }]) => [word, exit]),
) as Exits;

/** One of {@link EXIT}, or 128 + n after signal n. */
export type ExitCode = number;

/** The word for a failure: that of `--json`, and a key of {@link EXITS}. */
export type FailureCode = Exclude<keyof typeof EXITS, "ok" | "left_out">;

export function failureCode(error: unknown): FailureCode {
  if (error instanceof Fault) return error.kind;
  if (error instanceof ClosedOutput) return "closed_output";
  return isAbort(error) ? "interrupted" : "unexpected";
}

/** The exit code for a failure. `interrupted` is that of the signal that stopped the program. */
export function exitCodeOf(error: unknown, interrupted: ExitCode = 130): ExitCode {
  const code = failureCode(error);
  return code === "interrupted" ? interrupted : EXIT[code];
}
