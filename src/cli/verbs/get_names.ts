import { createReadStream } from "node:fs";
import process from "node:process";
import { Fault, inQuotes } from "../../fault.ts";
import { fileFault } from "../../store/disk/file_stamp.ts";
import { absolutePath } from "../../system/paths.ts";

/** The longest line of a list, in characters: more than any name. */
const LINE_CAP = 8_192;
/** As many characters in UTF-8, in bytes. */
const UNENDED_CAP = 4 * LINE_CAP;
const NEWLINE = 0x0a;

/**
 * The words of the command line, then the lines of a list: `-` is standard input. Blank lines are
 * passed over. A list is read as its names are used. Throws a `usage` Fault when it can't be, and the
 * signal's reason.
 */
export async function* namesOf(
  words: string[],
  { list, cwd, signal }: { list?: string; cwd: string; signal: AbortSignal },
): AsyncGenerator<string> {
  yield* words;
  if (list === undefined) return;
  const { createInterface } = await import("node:readline");
  const input = list === "-" ? process.stdin : createReadStream(absolutePath(list, cwd));
  const lines = createInterface({ input, crlfDelay: Infinity });
  // Some versions of readline throw what reading fails with, others just end.
  let failure: unknown;
  input.on("error", (error: Error) => {
    failure = error;
    lines.close();
  });
  // Until a line ends, readline keeps all of it.
  let unended = 0;
  input.on("data", (bytes: Uint8Array) => {
    const end = bytes.lastIndexOf(NEWLINE);
    unended = end < 0 ? unended + bytes.length : bytes.length - 1 - end;
    if (unended <= UNENDED_CAP) return;
    failure = tooLong(list);
    input.destroy();
    lines.close();
  });
  const close = () => lines.close();
  signal.addEventListener("abort", close);
  try {
    signal.throwIfAborted();
    let first = true;
    for await (let line of lines) {
      // Some editors begin a file with a mark of its encoding.
      if (first) line = line.replace(/^\ufeff/, "");
      first = false;
      if (line.length > LINE_CAP) throw tooLong(list);
      if (line.trim() !== "") yield line;
    }
  } catch (error) {
    if (failure === undefined) throw error;
  } finally {
    signal.removeEventListener("abort", close);
    lines.close();
  }
  signal.throwIfAborted();
  if (failure instanceof Fault) throw failure;
  if (failure !== undefined) {
    throw new Fault("usage", fileFault(`Cannot read ${inQuotes(list)}`, failure).message);
  }
}

function tooLong(list: string): Fault {
  return new Fault(
    "usage",
    `Cannot read ${inQuotes(list)}: a line has more than ${LINE_CAP} characters`,
  );
}
