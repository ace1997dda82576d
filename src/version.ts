import config from "../deno.json" with { type: "json" };

/** This program's version, as in deno.json: `major.minor.patch`. */
export const VERSION: string = config.version;

/** The commit, in place of this text once the program is bundled: 40 hex digits. */
const COMMIT = "@COMMIT@";

/** The facts of this build, as `--version --json` prints them. */
export interface BuildFacts {
  version: string;
  /** 40 hex digits, and `-dirty` with changes; null when it runs from source. */
  commit: string | null;
  /** Such as `deno 2.9.6`. */
  runtime: string;
  /** The machine that it is for, such as `x86_64-unknown-linux-gnu`. */
  target: string;
}

/** The facts of this build. */
export function buildFacts(): BuildFacts {
  return {
    version: VERSION,
    commit: COMMIT.startsWith("@") ? null : COMMIT,
    runtime: `deno ${Deno.version.deno}`,
    target: Deno.build.target,
  };
}

/** The day of this release, in milliseconds since 1970: no clock that says less is right. */
export const RELEASED: number = Date.UTC(2026, 10, 30);

/** The name of this program in `hello` and in listings. */
export const AGENT = `shoal/${VERSION}`;
