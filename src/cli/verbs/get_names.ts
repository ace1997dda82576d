import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { Fault } from "../../fault.ts";
import { fileFault } from "../../store/file_stamp.ts";

/** The longest line of a list, in characters: more than any name. */
const LINE_CAP = 8_192;

/**
 * The words of the command line, then the lines of a list: `-` is standard input. Blank lines are
 * passed over. A list is read as its names are used. Throws a `usage` Fault when it can't be.
 */
export async function* namesOf(
  words: string[],
  { list, cwd }: { list?: string; cwd: string },
): AsyncGenerator<string> {
  yield* words;
  if (list === undefined) return;
  const input = list === "-" ? process.stdin : createReadStream(resolve(cwd, list));
  const lines = createInterface({ input, crlfDelay: Infinity });
  // Some versions of readline throw what reading fails with, others just end.
  let failure: unknown;
  input.on("error", (error: Error) => {
    failure = error;
    lines.close();
  });
  try {
    for await (const line of lines) {
      if (line.length > LINE_CAP) {
        throw new Fault(
          "usage",
          `Cannot read ${list}: a line has more than ${LINE_CAP} characters`,
        );
      }
      if (line.trim() !== "") yield line;
    }
  } catch (error) {
    if (failure === undefined) throw error;
  } finally {
    lines.close();
  }
  if (failure !== undefined) {
    throw new Fault("usage", fileFault(`Cannot read ${list}`, failure).message);
  }
}
