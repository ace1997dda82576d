import { ENGINE, PERMISSIONS } from "../../scripts/compile.ts";
import { note } from "../support/run_folder.ts";

/**
 * Runs the real program as a process: `deno run main.ts`, or the binary named by `$SHOAL_BIN`. Waits
 * are for what the process prints or for its end, never for time to pass.
 */
const ROOT = new URL("../../", import.meta.url);
/** A process that hasn't done what is awaited by then has hung, in milliseconds. */
const HUNG_MS = 120_000;

/** Nothing is written to the state home of the user that runs the tests. */
const NO_STATE_HOME = { XDG_STATE_HOME: "/dev/null" };

/** The words that start the program. */
export function programWords(): string[] {
  const binary = Deno.env.get("SHOAL_BIN");
  return binary ? [binary] : sourceWords();
}

/** The words that start the program from its source, with the runtime of the tests. */
export function sourceWords(): string[] {
  const main = decodeURIComponent(new URL("main.ts", ROOT).pathname);
  // Quiet: what the runtime downloads at first is not what the program says.
  return [Deno.execPath(), "run", "--quiet", "--no-prompt", ...PERMISSIONS, ENGINE, main];
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Text for standard input, which then ends. Without it there is none. */
  stdin?: string;
  /** Words put before the program, such as `prlimit --nofile=64`. */
  prefix?: string[];
  /** Words that start another program in place of this one. */
  program?: string[];
}

export interface Finished {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the program to its end. */
export async function shoal(args: string[], options: RunOptions = {}): Promise<Finished> {
  const program = new Program(args, options);
  const code = await program.ended();
  return { code, stdout: program.stdout, stderr: program.stderr };
}

/** The one JSON value that a run printed. */
export async function shoalJson<T>(args: string[], options: RunOptions = {}): Promise<T> {
  const { code, stdout, stderr } = await shoal([...args, "--json"], options);
  if (code !== 0) throw new Error(`shoal ${args.join(" ")} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

/** The program while it runs. */
export class Program {
  stdout = "";
  stderr = "";
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array> | undefined;
  readonly #over: Promise<void>;
  readonly #waiting = new Set<() => void>();
  #code: number | undefined;

  /** With `stdin: "open"`, {@link type} gives it lines. */
  constructor(args: string[], options: Omit<RunOptions, "stdin"> & { stdin?: string } = {}) {
    const { prefix = [], program = programWords() } = options;
    const [command, ...rest] = [...prefix, ...program, ...args];
    this.#child = new Deno.Command(command, {
      args: rest,
      cwd: options.cwd,
      // What waits for sources to come back is tested where it is; elsewhere none will come.
      // Peers of other tests are in the same network.
      // Nor does the config file of the user that runs the tests count.
      env: {
        NO_COLOR: "1",
        SHOAL_WAIT: "3s",
        SHOAL_NO_LAN: "1",
        XDG_CONFIG_HOME: "/nonexistent",
        ...NO_STATE_HOME,
        ...options.env,
      },
      stdin: options.stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const forget = note({ kind: "process", pid: this.#child.pid });
    if (options.stdin !== undefined) this.#stdin = this.#child.stdin.getWriter();
    if (options.stdin !== undefined && options.stdin !== "open") {
      const text = new TextEncoder().encode(options.stdin);
      this.#stdin!.write(text).then(() => this.#stdin!.close()).catch(() => {});
    }
    this.#over = Promise.all([
      this.#child.status,
      this.#read(this.#child.stdout, (text) => this.stdout += text),
      this.#read(this.#child.stderr, (text) => this.stderr += text),
    ]).then(([{ code }]) => {
      this.#code = code;
      forget();
      this.#changed();
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Writes a line to standard input. */
  async type(line: string): Promise<void> {
    await this.#stdin!.write(new TextEncoder().encode(line + "\n"));
  }

  /** Ends standard input. */
  async endInput(): Promise<void> {
    await this.#stdin!.close();
  }

  /** The first match of a pattern in what was printed to either output; waits for it. */
  async sees(pattern: RegExp): Promise<RegExpMatchArray> {
    return await this.#until(`print ${pattern}`, () => {
      const match = this.stdout.match(pattern) ?? this.stderr.match(pattern);
      if (match) return match;
      if (this.#code !== undefined) {
        throw new Error(`ended with ${this.#code} before ${pattern}: ${this.stdout}${this.stderr}`);
      }
    });
  }

  /** The exit code; waits for the end. */
  async ended(): Promise<number> {
    return await this.#until("end", () => this.#code);
  }

  /** The result of a promise; fails when this program ends before that. */
  async meanwhile<T>(promise: Promise<T>): Promise<T> {
    let settled: { value: T } | { error: unknown } | undefined;
    promise.then((value) => settled = { value }, (error) => settled = { error })
      .then(() => this.#changed());
    const { value } = await this.#until("reach what was awaited", () => {
      if (settled && "error" in settled) throw settled.error;
      if (settled) return settled;
      if (this.#code !== undefined) {
        throw new Error(`ended with ${this.#code} too early: ${this.stdout}${this.stderr}`);
      }
    });
    return value;
  }

  /** Sends a signal and waits for the end. Harmless when it has ended. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<number> {
    this.signal(signal);
    const code = await this.ended();
    await this.#stdin?.close().catch(() => {});
    return code;
  }

  signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // It ended by itself.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#code === undefined) await this.stop();
  }

  async #until<T>(what: string, look: () => T | undefined): Promise<T> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.signal("SIGKILL");
      this.#changed();
    }, HUNG_MS);
    try {
      for (;;) {
        if (late) throw new Error(`did not ${what} in time: ${this.stdout}${this.stderr}`);
        const found = look();
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
    } finally {
      clearTimeout(timer);
      if (late) await this.#over;
    }
  }

  #changed(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  async #read(stream: ReadableStream<Uint8Array>, add: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stream) {
      add(decoder.decode(bytes, { stream: true }));
      this.#changed();
    }
  }
}
