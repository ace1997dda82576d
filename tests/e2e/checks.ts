import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Finished } from "./program.ts";

/** Time for something that is looked at again and again, in milliseconds. */
const LONG_MS = 120_000;
/** Between two looks, in milliseconds. */
const LOOK_MS = 50;

/**
 * Asserts that a run was refused: this exit code, nothing on standard output, and on standard error
 * one line `shoal: …` that has `text` in it, and one that says what to do next: where the command line is
 * at fault (`hint`), which help to read.
 */
export function assertRefused(
  { code, stdout, stderr }: Finished,
  expected: { code: number; text?: string | RegExp; hint?: boolean },
): void {
  assertEquals(code, expected.code, `${stdout}${stderr}`);
  assertEquals(stdout, "");
  const [line, ...rest] = stderr.split("\n");
  assertMatch(line, /^shoal: ./, stderr);
  assertMatch(rest[0] ?? "", expected.hint ? /^next: see 'shoal.* --help'$/ : /^next: ./, stderr);
  assertEquals(rest.slice(1), [""], stderr);
  const { text } = expected;
  if (typeof text === "string") assert(line.includes(text), `no "${text}" in: ${line}`);
  else if (text) assertMatch(line, text);
}

/**
 * The entries of a folder, the state folder aside, sorted; and what partial downloads left behind.
 */
export function contentsOf(dir: string): string[] {
  const names: string[] = [];
  const walk = (prefix: string) => {
    for (const entry of Deno.readDirSync(`${dir}/${prefix}`)) {
      const name = prefix + entry.name;
      if (entry.name === ".shoal") continue;
      names.push(name);
      if (entry.isDirectory) walk(`${name}/`);
    }
  };
  walk("");
  return [...names.sort(), ...partialsOf(dir)];
}

/** The entries of a folder, the state folder and with it all partials aside, sorted. */
export function placedIn(dir: string): string[] {
  return contentsOf(dir).filter((name) => !name.startsWith("partial "));
}

/** Partial downloads in the state folder of `dir`. */
export function partialsOf(dir: string): string[] {
  try {
    return [...Deno.readDirSync(`${dir}/.shoal/partials`)].map(({ name }) => `partial ${name}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/**
 * The first value of `look` that is neither undefined nor false, for what no event tells of. Throws
 * where there is none within `ms` milliseconds.
 */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  ms = LONG_MS,
): Promise<T> {
  for (const started = performance.now(); performance.now() - started < ms;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  throw new Error(`it never came about that ${what}`);
}
