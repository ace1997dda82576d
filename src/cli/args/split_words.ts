import { Fault } from "../../fault.ts";

/** A piece of a word: quoted in one way, in another, escaped, or plain. */
const PIECE = /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^\s'"\\]+)/sy;

/**
 * Splits a line into words as a shell does: blanks separate, `'…'` keeps everything, `"…"` keeps
 * everything but `\"` and `\\`, and outside of quotes `\` keeps the next character. Throws a `usage`
 * Fault for a quote that isn't closed.
 */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length;) {
    if (/\s/.test(line.charAt(at))) {
      if (word !== undefined) words.push(word);
      word = undefined;
      at++;
      continue;
    }
    PIECE.lastIndex = at;
    const match = PIECE.exec(line);
    if (!match) throw new Fault("usage", `Cannot read the line: ${line[at]} has no end`);
    const [piece, single, double, escaped, plain] = match;
    word = (word ?? "") + (single ?? double?.replace(/\\(["\\])/g, "$1") ?? escaped ?? plain);
    at += piece.length;
  }
  if (word !== undefined) words.push(word);
  return words;
}
