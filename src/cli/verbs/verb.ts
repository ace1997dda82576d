import type { Option } from "commander";
import type { PeerApi } from "../../peer/api/peer_api.ts";
import type { Ask } from "../output/ask.ts";
import type { UiDoor } from "../../web/ui_door.ts";
import type { ExitCode } from "../output/exit_code.ts";
import type { Output } from "../output/output.ts";

/** What a verb is asked, by the shell or as a command of its own. */
export interface VerbCall {
  api: PeerApi;
  args: string[];
  /** The verb's own options, by their camel-case names. */
  flags: Record<string, unknown>;
  /** Relative paths start here: an absolute path. */
  cwd: string;
  /** When the command began, by performance.now(). */
  started: number;
  output: Output;
  /** Aborts when the user has had enough. */
  signal: AbortSignal;
  /** The page of the peer that serves; undefined where none does. */
  page?: UiDoor;
  /** True when a peer goes on serving after the verb has ended. */
  serving: boolean;
  /** Asks the user; undefined when nobody is there to be asked. */
  ask?: Ask;
}

/** Something that a peer can be asked to do. The command line and the shell are built from these. */
export interface Verb {
  name: string;
  /** In commander's words: `<NAME>`, `[PATTERN]`, `<FILE...>`. */
  arguments?: string;
  summary: string;
  /** Without the words that come before the verb: `get debian.iso -o -`. */
  examples: string[];
  /** A query only looks, and so needs no shared folder of its own. */
  role: "verb" | "query";
  options?(): Option[];
  /** Options that only make sense outside the shell. */
  onceOptions?(): Option[];
  /**
   * Looks at what it is asked before a peer is opened for it, which may hold DIR. `random` gives
   * numbers from 0 (included) to 1 (excluded); default Math.random.
   */
  prepare?(call: Omit<VerbCall, "api" | "serving" | "ask">, random?: () => number): Promise<void>;
  /** Prints its result; returns an exit code when it has itself said what failed. */
  run(call: VerbCall): Promise<ExitCode | void>;
}

/** Verbs under a word of their own: `trust list`. */
export interface VerbGroup extends Pick<Verb, "name" | "summary" | "examples"> {
  verbs: Verb[];
}
