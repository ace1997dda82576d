import type { ExitCode } from "../output/exit_code.ts";

const NUMBERS: Partial<Record<Deno.Signal, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGTERM: 15,
  SIGBREAK: 21,
};
const SIGNALS: Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];

/**
 * The wish to end the program. The first signal asks for an orderly stop: `signal` aborts and `asked`
 * resolves with 128 + n. The second one means now: `forced` resolves.
 */
export class Stop {
  readonly #controller = new AbortController();
  readonly #asked = Promise.withResolvers<ExitCode>();
  readonly #forced = Promise.withResolvers<ExitCode>();
  readonly #listeners = SIGNALS.map((name) => [name, () => this.ask(name)] as const);
  /** The exit code to end with, once asked. */
  code: ExitCode | undefined;
  /** True once this process serves others: a failure that nothing waited for doesn't end it. */
  serves = false;

  constructor() {
    // Unheard, it kills a process that writes past the limit of a file's size; heard, the write fails.
    if (Deno.build.os !== "windows") Deno.addSignalListener("SIGXFSZ", ignore);
    for (const [name, listener] of this.#listeners) Deno.addSignalListener(name, listener);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get asked(): Promise<ExitCode> {
    return this.#asked.promise;
  }

  get forced(): Promise<ExitCode> {
    return this.#forced.promise;
  }

  /** Does what that signal does. */
  ask(name: Deno.Signal): void {
    const code = 128 + (NUMBERS[name] ?? 0);
    if (this.code !== undefined) return this.#forced.resolve(code);
    this.code = code;
    this.#controller.abort(new DOMException("interrupted", "AbortError"));
    this.#asked.resolve(code);
  }

  [Symbol.dispose](): void {
    if (Deno.build.os !== "windows") Deno.removeSignalListener("SIGXFSZ", ignore);
    for (const [name, listener] of this.#listeners) Deno.removeSignalListener(name, listener);
  }
}

function ignore(): void {}
