/**
 * Globs over names: `*` and `?` within a folder, `**` across folders (`**` and a slash also stand
 * for no folder at all), `[a-z]` and `[!a-z]`, `{a,b}`, and a backslash before a character that is
 * meant as itself. A bracket or brace without its partner is meant as itself too.
 *
 * Patterns come from strangers. So they are never turned into a RegExp, nor are braces multiplied
 * out: the pattern becomes a small state machine, all of whose states are followed at once. A name
 * takes time in proportion to its length times that of the pattern at worst, and {@link Glob.work}
 * counts it.
 */
import { type GlobNode, parseGlob, type Test } from "./glob_parser.ts";

/** A state. With `test`, it eats a character on the way to `next[0]`; without, all of `next` are entered. */
interface State {
  test?: Test;
  /** The cost of the test. Default 1. */
  steps?: number;
  next: number[];
}

const WITHIN: Test = (char) => char !== "/";
const ANY: Test = () => true;
const SLASH: Test = (char) => char === "/";
/** The state in which a name has matched. */
const MATCHED = 0;
/**
 * Most steps for one name, about 6 ms. A pattern that takes more fits nothing: no useful one comes
 * near it.
 */
const NAME_WORK = 300_000;

export class Glob {
  /** The beginning of every name that matches. */
  readonly prefix: string;
  /** The steps of all calls of {@link matches} so far. */
  work = 0;
  readonly #states: State[] = [{ next: [] }];
  readonly #start: number;
  /** For each state, the round in which it was last entered. */
  readonly #entered: Uint32Array;
  #round = 0;

  constructor(pattern: string) {
    this.prefix = /^[^*?[\]{}\\]*/.exec(pattern)![0];
    this.#start = this.#sequence(parseGlob(pattern), MATCHED);
    this.#entered = new Uint32Array(this.#states.length);
  }

  /** True when the whole name fits the pattern. */
  matches(name: string): boolean {
    const most = this.work + NAME_WORK;
    this.#round++;
    let current: number[] = [];
    let following: number[] = [];
    this.#enter(this.#start, current);
    for (const char of name) {
      this.#round++;
      for (const state of current) {
        const { test, steps = 1, next } = this.#states[state]!;
        this.work += steps;
        if (test?.(char)) this.#enter(next[0]!, following);
      }
      [current, following] = [following, current];
      if (current.length === 0 || this.work > most) return false;
      following.length = 0;
    }
    return this.#entered[MATCHED] === this.#round;
  }

  #enter(state: number, into: number[]): void {
    this.work++;
    if (this.#entered[state] === this.#round) return;
    this.#entered[state] = this.#round;
    const { test, next } = this.#states[state]!;
    into.push(state);
    if (!test) { for (const one of next) this.#enter(one, into); }
  }

  /** Builds states from the last node to the first; returns the first's. `next` comes after all. */
  #sequence(nodes: GlobNode[], next: number): number {
    return nodes.reduceRight((after, node) => this.#node(node, after), next);
  }

  #node(node: GlobNode, next: number): number {
    switch (node.kind) {
      case "one":
        return this.#state({ test: node.test ?? WITHIN, steps: node.steps, next: [next] });
      case "many":
        return this.#many(node.across ? ANY : WITHIN, next);
      case "folders":
        return this.#state({
          next: [next, this.#many(ANY, this.#state({ test: SLASH, next: [next] }))],
        });
      case "choice":
        // Branches that are the same state, as empty ones are, are entered once.
        return this.#state({
          next: [...new Set(node.branches.map((branch) => this.#sequence(branch, next)))],
        });
    }
  }

  /** Any number of characters that pass the test. */
  #many(test: Test, next: number): number {
    const after = [next];
    const loop = this.#state({ next: after });
    after.push(this.#state({ test, next: [loop] }));
    return loop;
  }

  #state(state: State): number {
    return this.#states.push(state) - 1;
  }
}
