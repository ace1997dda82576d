import type { FlagsOf, OptionTable } from "../args/cli_option.ts";
import type { PeerApi, QueryApi } from "../../peer/api/peer_api.ts";
import type { Ask } from "../output/ask.ts";
import type { UiDoor } from "../../web/ui_door.ts";
import type { ExitCode } from "../output/exit_code.ts";
import type { Output } from "../output/output.ts";

/** The call of a verb, by the shell or as a command of its own. */
export interface VerbCall<Api extends QueryApi = PeerApi, O = OptionTable> {
  api: Api;
  args: string[];
  /** The verb's own options. */
  flags: FlagsOf<O>;
  /** Relative paths start here: an absolute path. */
  cwd: string;
  /** The time when the command began, by performance.now(). */
  started: number;
  output: Output;
  /** Aborts when the user has had enough. */
  signal: AbortSignal;
  /** The page of the peer that serves; undefined where none does. */
  page?: UiDoor;
  /** True when a peer keeps serving after the verb has ended. */
  serving: boolean;
  /** Asks the user; undefined without a terminal. */
  ask?: Ask;
}

/** Something that a peer can be asked to do. The command line and the shell are built from these. */
export type Verb<O extends OptionTable = OptionTable> = QueryVerb<O> | RunningVerb<O> | PeerVerb<O>;

export interface PeerVerb<O extends OptionTable = OptionTable> extends VerbParts<O> {
  role: "verb";
  /** The peer to open for it, where that depends on the flags. */
  opening?(flags: FlagsOf<O>): Opening;
  run(call: VerbCall<PeerApi, O>): Promise<ExitCode | void>;
}

/** Only looks, and so needs no shared folder of its own. */
export interface QueryVerb<O extends OptionTable = OptionTable> extends VerbParts<O> {
  role: "query";
  run(call: VerbCall<QueryApi, O>): Promise<ExitCode | void>;
}

/** Is for the running peer alone; `without` says what can't be done where none runs. */
export interface RunningVerb<O extends OptionTable = OptionTable> extends VerbParts<O> {
  role: "running";
  without: string;
  run(call: VerbCall<PeerApi, O>): Promise<ExitCode | void>;
}

/** A verb without what it does: {@link Verb.run} returns an exit code when it said itself what failed. */
interface VerbParts<O extends OptionTable> {
  name: string;
  /** In commander's words: `<NAME>`, `[PATTERN]`, `<FILE...>`. */
  arguments?: string;
  summary: string;
  /** Without the words that come before the verb: `get debian.iso -o -`. */
  examples: string[];
  options?: O;
  /**
   * Looks at what it is asked before a peer is opened for it, which may hold DIR. `random` gives
   * numbers from 0 (included) to 1 (excluded); default Math.random.
   */
  prepare?(call: Prepared<O>, random?: () => number): Promise<void>;
}

/** A call before there is a peer. */
export type Prepared<O = OptionTable> = Omit<VerbCall<PeerApi, O>, "api" | "serving" | "ask">;

/** The use of a peer of its own, where none runs that could be asked. */
interface Opening {
  /** Stay and serve until it is stopped. */
  serve?: boolean;
  /** Stay and serve for so many seconds. */
  seedFor?: number;
  /** Time to wait for DIR, in milliseconds. */
  waitMs?: number;
  /** Change nothing in a DIR that has no state. */
  plan?: boolean;
  /** Give up so many seconds after the start. */
  deadline?: number;
}

/** Verbs under a word of their own: `trust list`. */
export interface VerbGroup extends Pick<Verb, "name" | "summary" | "examples"> {
  verbs: Verb[];
}
