import { findCommand } from "../../system/find_command.ts";

/** Options of `less` unless the user has set their own: what fits the screen is shown without it. */
const LESS = "FRX";

/** The user's pager, as a process that long results go through. */
export class Pager {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  private constructor(command: string) {
    this.#process = new Deno.Command("sh", {
      args: ["-c", command],
      env: { LESS: Deno.env.get("LESS") ?? LESS },
      stdin: "piped",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#process.stdin.getWriter();
  }

  /**
   * Starts `$PAGER`, or `less` where it is installed; undefined where there is no terminal, or no
   * pager is wanted.
   */
  static open(): Pager | undefined {
    const isWatched = Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
    if (!isWatched || Deno.env.get("TERM") === "dumb" || Deno.build.os === "windows") return;
    const chosen = Deno.env.get("PAGER") ?? (findCommand("less") ? "less" : "");
    if (chosen === "" || chosen === "cat") return;
    return new Pager(chosen);
  }

  /** Writes to the pager, which takes no more than is looked at. Throws a BrokenPipe once it has ended. */
  async write(bytes: Uint8Array): Promise<void> {
    await this.#writer.write(bytes);
  }

  /** Ends the pager at once. */
  kill(): void {
    try {
      this.#process.kill("SIGTERM");
    } catch {
      // The user has closed it.
    }
  }

  /** Ends the text; resolves when the user has closed the pager. */
  async close(): Promise<void> {
    await this.#writer.close().catch(() => {});
    await this.#process.status;
  }
}
