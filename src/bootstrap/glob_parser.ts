/** True for a character (a code point) that a part of a pattern stands for. */
export type Test = (char: string) => boolean;

/** A part of a glob. */
export type GlobNode =
  /** One character; without `test`, any within a folder. To test it takes `steps`, or 1. */
  | { kind: "one"; test?: Test; steps?: number }
  /** Any number of characters, within a folder or across. */
  | { kind: "many"; across: boolean }
  /** Any number of whole folders, each with its slash. */
  | { kind: "folders" }
  | { kind: "choice"; branches: GlobNode[][] };

/** The parts of a pattern. Every string is one: what can't be read as more is read literally. */
export function parseGlob(pattern: string): GlobNode[] {
  const chars = [...pattern];
  const partners = matchBraces(chars);
  const whole: GlobNode[] = [];
  /** The branches of the braces that are open, innermost last; the whole pattern is one branch. */
  const open: GlobNode[][][] = [[whole]];
  for (let at = 0; at < chars.length; at++) {
    const branches = open.at(-1)!;
    const branch = branches.at(-1)!;
    const char = chars[at]!;
    const next = chars[at + 1];
    if (char === "\\" && next !== undefined) {
      branch.push(literal(next));
      at++;
    } else if (char === "*") {
      const from = at;
      while (chars[at + 1] === "*") at++;
      const across = at > from;
      const starts = "/{,".includes(chars[from - 1] ?? "/");
      if (across && starts && chars[at + 1] === "/") {
        at++;
        branch.push({ kind: "folders" });
      } else {
        branch.push({ kind: "many", across });
      }
    } else if (char === "?") {
      branch.push({ kind: "one" });
    } else if (char === "[" && classEnd(chars, at) > 0) {
      const end = classEnd(chars, at);
      branch.push({ kind: "one", test: classTest(chars.slice(at + 1, end)), steps: end - at });
      at = end;
    } else if (char === "{" && partners.has(at)) {
      open.push([[]]);
    } else if (char === "}" && partners.has(at)) {
      open.pop();
      open.at(-1)!.at(-1)!.push({ kind: "choice", branches });
    } else if (char === "," && open.length > 1) {
      branches.push([]);
    } else {
      branch.push(literal(char));
    }
  }
  return whole;
}

function literal(char: string): GlobNode {
  return { kind: "one", test: (other) => other === char };
}

/** The positions of all braces that have a partner. */
function matchBraces(chars: string[]): Set<number> {
  const partners = new Set<number>();
  const open: number[] = [];
  for (let at = 0; at < chars.length; at++) {
    if (chars[at] === "\\") at++;
    else if (chars[at] === "[") at = Math.max(at, classEnd(chars, at));
    else if (chars[at] === "{") open.push(at);
    else if (chars[at] === "}" && open.length > 0) partners.add(open.pop()!).add(at);
  }
  return partners;
}

/**
 * The index of the bracket that closes the one at `at`, or -1. A bracket right after the first
 * stands for itself.
 */
function classEnd(chars: string[], at: number): number {
  const first = isNegation(chars[at + 1]) ? at + 2 : at + 1;
  return chars.indexOf("]", first + 1);
}

function isNegation(char: string | undefined): boolean {
  return char === "!" || char === "^";
}

/** For what stands between brackets. Never a slash: a class stays within its folder. */
function classTest(chars: string[]): Test {
  const negated = isNegation(chars[0]);
  const ranges: [from: number, to: number][] = [];
  for (let at = negated ? 1 : 0; at < chars.length; at++) {
    const from = codePointOf(chars[at]!);
    const last = chars[at + 1] === "-" ? chars[at + 2] : undefined;
    ranges.push([from, last === undefined ? from : codePointOf(last)]);
    if (last !== undefined) at += 2;
  }
  return (char) => {
    const code = codePointOf(char);
    return char !== "/" && ranges.some(([from, to]) => from <= code && code <= to) !== negated;
  };
}

function codePointOf(char: string): number {
  return char.codePointAt(0)!;
}
