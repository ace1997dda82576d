import { makeTempFolder } from "../support/run_folder.ts";

/**
 * A machine's clock that a test sets, for the programs that it starts: libfaketime, as Debian's
 * package of that name has it. Spans of time are measured as ever, and so are the times of files.
 */
const DIRS = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
const LIBRARY = DIRS.map((dir) => `${dir}/faketime/libfaketimeMT.so.1`).find((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});

export class MachineClock {
  /** The reason why no clock can be set here. */
  static readonly lacking = LIBRARY ? undefined : "libfaketime is not installed";
  readonly #file: string;

  private constructor(file: string) {
    this.#file = file;
  }

  static async create(): Promise<MachineClock> {
    const clock = new MachineClock(`${await makeTempFolder()}/clock`);
    clock.set("+0");
    return clock;
  }

  /** The environment of programs that go by this clock. */
  get env(): Record<string, string> {
    return {
      LD_PRELOAD: LIBRARY!,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      FAKETIME_DONT_RESET: "1",
      NO_FAKE_STAT: "1",
    };
  }

  /** Sets it at once, also for programs that run: `+3d` and `-90m` are from the real time. */
  set(time: string): void {
    Deno.writeTextFileSync(`${this.#file}.new`, `${time}\n`);
    Deno.renameSync(`${this.#file}.new`, this.#file);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#file.replace(/\/clock$/, ""), { recursive: true });
  }
}
