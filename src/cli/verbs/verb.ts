import type { Option } from "commander";
import type { PeerApi, QueryApi } from "../../peer/api/peer_api.ts";
import type { Ask } from "../output/ask.ts";
import type { UiDoor } from "../../web/ui_door.ts";
import type { ExitCode } from "../output/exit_code.ts";
import type { Output } from "../output/output.ts";

/** What a verb is asked, by the shell or as a command of its own. */
export interface VerbCall<Api extends QueryApi = PeerApi> {
  api: Api;
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
export type Verb = QueryVerb | RunningVerb | PeerVerb;

export interface PeerVerb extends VerbParts {
  role: "verb";
  run(call: VerbCall): Promise<ExitCode | void>;
}

/** Only looks, and so needs no shared folder of its own. */
export interface QueryVerb extends VerbParts {
  role: "query";
  run(call: VerbCall<QueryApi>): Promise<ExitCode | void>;
}

/** Is for the running peer alone; `without` says what can't be done where none runs. */
export interface RunningVerb extends VerbParts {
  role: "running";
  without: string;
  run(call: VerbCall): Promise<ExitCode | void>;
}

/** A verb without what it does: {@link Verb.run} returns an exit code when it said itself what failed. */
interface VerbParts {
  name: string;
  /** In commander's words: `<NAME>`, `[PATTERN]`, `<FILE...>`. */
  arguments?: string;
  summary: string;
  /** Without the words that come before the verb: `get debian.iso -o -`. */
  examples: string[];
  options?(): Option[];
  /** Options that only make sense outside the shell. */
  onceOptions?(): Option[];
  /**
   * Looks at what it is asked before a peer is opened for it, which may hold DIR. `random` gives
   * numbers from 0 (included) to 1 (excluded); default Math.random.
   */
  prepare?(call: Omit<VerbCall, "api" | "serving" | "ask">, random?: () => number): Promise<void>;
}

/** Verbs under a word of their own: `trust list`. */
export interface VerbGroup extends Pick<Verb, "name" | "summary" | "examples"> {
  verbs: Verb[];
}
