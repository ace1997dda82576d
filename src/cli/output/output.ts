import { delay } from "../../async/retry.ts";
import { Fault, messageOf } from "../../fault.ts";
import { type HintPlace, placeHint } from "./hint.ts";
import { Pager } from "./pager.ts";
import { safeJson, sanitize } from "./sanitize.ts";
import { columnsOf, controlsCursor, showsColor } from "./terminal.ts";

/** Thrown when the reader of standard output has gone: there is no use in going on. */
export class ClosedOutput extends Error {
  override readonly name = "ClosedOutput";
}

export interface OutputOptions {
  /** Results are JSON. Default false. */
  json?: boolean;
  /** No notes and no progress, only results and errors. Default false. */
  quiet?: boolean;
  /** Long results may go through the user's pager. Default false. */
  paged?: boolean;
  /** The wish to end: then what standard output doesn't take in {@link GRACE_MS} is given up. */
  signal?: AbortSignal;
  /** Default that of the process. */
  place?: HintPlace;
}

/** Time by which a stalled reader can delay the program's end, in milliseconds. */
const GRACE_MS = 1_000;

/** Of open(2), on Linux. */
const O_NONBLOCK = 0o4000;
/** Bytes that a pipe takes whole or not at all, on Linux. */
const PIPE_BUF = 4_096;
/** Between two looks whether a full output that does not block has room again, in milliseconds. */
const FULL_PAUSE_MS = 10;
/** Longest that a line waits for room on a standard error that does not block, in milliseconds. */
const STALLED_MS = 5_000;

const encoder = new TextEncoder();

/**
 * The output of one command: results to standard output, everything else to standard error. All
 * text goes through {@link sanitize}, so a line is one line.
 */
export class Output {
  readonly json: boolean;
  readonly quiet: boolean;
  /** True once something stands on standard output, where an error could then not stand alone. */
  begun = false;
  /** True when what stands there are lines of JSON, of which an error may be the last. */
  lines = false;
  readonly #signal?: AbortSignal;
  readonly #isPaged: boolean;
  readonly place: HintPlace | undefined;
  #pager: Pager | undefined;

  constructor(
    { json = false, quiet = false, paged = false, signal, place }: OutputOptions = {},
  ) {
    this.#isPaged = paged;
    this.json = json;
    this.quiet = quiet;
    this.#signal = signal;
    this.place = place;
  }

  /** True when progress can be shown. */
  get showsProgress(): boolean {
    return !this.quiet && controlsCursor(Deno.stderr);
  }

  /**
   * The columns for a result; undefined where it goes to no terminal and lines may have any length.
   */
  get columns(): number | undefined {
    return columnsOf(Deno.stdout);
  }

  /** A line of a result. Throws what {@link raw} does. */
  async line(text: string): Promise<void> {
    await this.raw(sanitize(text) + "\n");
  }

  /** A JSON value on a line of its own. Throws what {@link raw} does. */
  async value(value: unknown): Promise<void> {
    await this.raw(safeJson(value) + "\n");
  }

  /**
   * Text to standard output as it is, trusted to be safe. Throws {@link ClosedOutput}, a `disk` Fault
   * when it can't be written, and the signal's reason when it was given up.
   */
  async raw(text: string): Promise<void> {
    this.begun = true;
    const bytes = encoder.encode(text);
    // The pager's user may read for as long as it takes.
    if (this.#pager) return await writing(this.#pager.write(bytes));
    await withGrace(writeAll(bytes), this.#signal);
  }

  /** Writes a long result: on a terminal through the pager. `isPaged`: all of it can be looked at. */
  async atLength(write: (isPaged: boolean) => Promise<void>): Promise<void> {
    const pager = this.#pager = this.#isPaged ? Pager.open() : undefined;
    const kill = () => pager?.kill();
    this.#signal?.addEventListener("abort", kill);
    try {
      await write(pager !== undefined);
    } finally {
      await pager?.close();
      this.#signal?.removeEventListener("abort", kill);
      this.#pager = undefined;
    }
  }

  /** A line for people, unless they asked for quiet. */
  note(text: string): void {
    if (!this.quiet) writeError(sanitize(this.hint(text)));
  }

  /** A line that is said even when quiet. */
  error(text: string): void {
    writeError(`${paint("shoal:")} ${sanitize(text)}`);
  }

  /** Text whose commands fit the place where it is read. */
  hint(text: string): string {
    return placeHint(text, this.place);
  }

  /** A line to standard error as it is, trusted to be safe. */
  detail(text: string): void {
    writeError(text);
  }
}

/**
 * Writes all of `bytes` to standard output, so many at a time. Waits for room where the program at its other
 * end has set it not to block. Throws {@link ClosedOutput}, or a `disk` Fault.
 */
export async function writeAll(bytes: Uint8Array, pieceBytes = PIPE_BUF): Promise<void> {
  await writing((async () => {
    for (let at = 0; at < bytes.length;) {
      try {
        at += await Deno.stdout.write(bytes.subarray(at, at + pieceBytes));
      } catch (error) {
        // The runtime does not say how much of a larger piece was written before it failed.
        if (!(error instanceof Deno.errors.WouldBlock) || pieceBytes > PIPE_BUF) throw error;
        await delay(FULL_PAUSE_MS);
      }
    }
  })());
}

/**
 * Most bytes that {@link writeAll} writes at a time: any number, unless standard output does not block.
 * The runtime keeps this program itself out of /proc, so another is asked.
 */
export async function largestPiece(): Promise<number> {
  if (Deno.build.os !== "linux" || Deno.stdout.isTerminal()) return Infinity;
  try {
    const info = `/proc/${Deno.pid}/fdinfo/1`;
    const { stdout } = await new Deno.Command("cat", { args: [info], stdin: "null" }).output();
    const text = new TextDecoder().decode(stdout);
    const [, flags = "0"] = /^flags:\s*([0-7]+)/m.exec(text) ?? [];
    return (parseInt(flags, 8) & O_NONBLOCK) === 0 ? Infinity : PIPE_BUF;
  } catch {
    // No program can be asked.
    return Infinity;
  }
}

async function writing(written: Promise<void>): Promise<void> {
  try {
    await written;
  } catch (cause) {
    if (cause instanceof Deno.errors.BrokenPipe) throw new ClosedOutput("", { cause });
    const why = messageOf(cause).toLowerCase();
    throw new Fault("disk", `Cannot write to standard output: ${why}`, { cause });
  }
}

/** Settles as `written` does; once the signal is aborted, it has {@link GRACE_MS} left. */
async function withGrace(written: Promise<void>, signal?: AbortSignal): Promise<void> {
  if (!signal) return await written;
  const late = Promise.withResolvers<never>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const begin = () => timer = setTimeout(() => late.reject(signal.reason), GRACE_MS);
  if (signal.aborted) begin();
  signal.addEventListener("abort", begin, { once: true });
  try {
    await Promise.race([written, late.promise]);
  } finally {
    signal.removeEventListener("abort", begin);
    clearTimeout(timer);
  }
}

/** Writes a line to standard error, over a progress bar or prompt that may stand there. */
export function writeError(text: string): void {
  const bytes = encoder.encode((controlsCursor(Deno.stderr) ? "\r\x1b[K" : "") + text + "\n");
  const end = performance.now() + STALLED_MS;
  for (let at = 0; at < bytes.length;) {
    try {
      at += Deno.stderr.writeSync(bytes.subarray(at));
    } catch (error) {
      // Nobody reads standard error; there is nowhere to say so.
      if (!(error instanceof Deno.errors.WouldBlock) || performance.now() > end) return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PAUSE_MS);
    }
  }
}

/** Red, where colour is wanted and can be shown. */
function paint(text: string): string {
  return showsColor(Deno.stderr) ? `\x1b[31m${text}\x1b[39m` : text;
}
