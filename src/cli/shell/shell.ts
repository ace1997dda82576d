import process from "node:process";
import { createInterface, type Interface } from "node:readline";
import { Fault } from "../../fault.ts";
import type { OpenPeer } from "../peers/open_peer.ts";
import { abortable } from "../../async/retry.ts";
import type { Ask } from "../output/ask.ts";
import { EXIT, type ExitCode } from "../output/exit_code.ts";
import { Output, type OutputOptions } from "../output/output.ts";
import { reportFailure } from "../output/report_failure.ts";
import { buildShellProgram } from "./shell_program.ts";
import { untilForeground } from "../process/foreground.ts";
import { controlsCursor } from "../output/terminal.ts";
import { splitWords } from "../args/split_words.ts";
import type { Stop } from "../process/stop.ts";
import { HelpShown, takeOver, UsageFault } from "../output/usage.ts";
import { currentFolder } from "../../system/paths.ts";

interface ShellOptions extends OutputOptions {
  stop: Stop;
}

/** The peer of the shell. */
type ShellPeer = Pick<OpenPeer, "api" | "page">;

/**
 * The lines that a running peer reads: one command each, run one after the other. On a terminal with
 * a prompt, history and completion, and Ctrl-C ends the command that runs, or else the peer. Without
 * one, a line that fails is reported and the next one is read.
 */
export class Shell {
  readonly #options: ShellOptions;
  /** Aborts the command that runs. */
  #running: AbortController | undefined;
  #prompt: Interface | undefined;

  constructor(options: ShellOptions) {
    this.#options = { ...options, place: "shell" };
  }

  /** Resolves with an exit code on `exit`, with undefined when the input ends without it. */
  async run({ api, page }: ShellPeer): Promise<ExitCode | undefined> {
    const { stop } = this.#options;
    if (Deno.stdin.isTerminal()) await untilForeground(stop.signal);
    if (stop.signal.aborted) return undefined;
    const terminal = Deno.stdin.isTerminal() && controlsCursor(Deno.stderr);
    const lines = createInterface({
      input: process.stdin,
      output: terminal ? process.stderr : undefined,
      terminal,
      prompt: "shoal> ",
      crlfDelay: Infinity,
      completer: terminal ? completeCommand : undefined,
    });
    if (terminal) this.#showPrompt(lines);
    try {
      for await (const line of lines) {
        if (await this.#runLine(line, { api, page })) return EXIT.ok;
        if (stop.signal.aborted) return undefined;
        this.#prompt?.prompt();
      }
    } finally {
      this.#prompt = undefined;
      lines.close();
    }
    if (terminal && !stop.signal.aborted) {
      new Output(this.#options).note("Still serving; Ctrl-C stops the peer.");
    }
  }

  /** Ctrl-Z: gives the terminal back, stops, and takes it again once the user brings the peer back. */
  #suspend(lines: Interface): void {
    const { signal } = this.#options.stop;
    process.stdin.setRawMode(false);
    Deno.kill(Deno.pid, "SIGSTOP");
    untilForeground(signal).then(() => {
      if (signal.aborted) return;
      process.stdin.setRawMode(true);
      lines.prompt(true);
    });
  }

  /** Shows the prompt again, after other lines went over it. */
  redraw(): void {
    const { stop } = this.#options;
    if (!this.#running && !stop.signal.aborted) this.#prompt?.prompt(true);
  }

  #showPrompt(lines: Interface): void {
    const { stop } = this.#options;
    this.#prompt = lines;
    lines.on("SIGTSTP", () => this.#suspend(lines));
    lines.on("SIGINT", () => {
      if (this.#running) this.#running.abort(new DOMException("interrupted", "AbortError"));
      else if (lines.line) lines.write(null, { ctrl: true, name: "u" });
      else stop.ask("SIGINT");
    });
    // Gives the terminal back before the last lines are said.
    stop.signal.addEventListener("abort", () => lines.close());
    new Output(this.#options).note("Type 'help' for the commands, 'exit' to stop.");
    lines.prompt();
  }

  /** Asks a question at the prompt; undefined without a terminal. */
  #ask(): Ask | undefined {
    const prompt = this.#prompt;
    return prompt && ((question, signal) => {
      const { promise, resolve } = Promise.withResolvers<string>();
      let open = true;
      const closed = () => {
        open = false;
        resolve("");
      };
      prompt.once("close", closed);
      prompt.question(question, resolve);
      return abortable(promise, signal).finally(() => {
        prompt.off("close", closed);
        // An empty answer takes the question back: Deno 2.5 never answers one that has a signal.
        if (signal.aborted && open) prompt.write("\n");
      });
    });
  }

  /** Runs one line and says what went wrong. True when it was `exit`. */
  async #runLine(line: string, { api, page }: ShellPeer): Promise<boolean> {
    const { stop, json, quiet } = this.#options;
    const running = this.#running = new AbortController();
    const onPrompt = this.#ask();
    let output = new Output(this.#options);
    let exit = false;
    const program = buildShellProgram({
      exit: () => void (exit = true),
      async verb({ verb, args, flags }, own) {
        output = new Output({
          json: json || own.json,
          quiet: quiet || own.quiet,
          place: "shell",
        });
        const signal = AbortSignal.any([running.signal, stop.signal]);
        const ask = output.json || output.quiet ? undefined : onPrompt;
        const started = performance.now();
        const call = { args, flags, cwd: currentFolder(), started, output, signal };
        await verb.prepare?.(call);
        await verb.run({ ...call, api, page, serving: true, ask });
      },
    });
    const printed = takeOver(program);
    try {
      const words = splitWords(line);
      if (words.length === 0) return false;
      await program.parseAsync(words, { from: "user" }).catch(async (error) => {
        if (!(error instanceof HelpShown)) throw error;
        await output.raw(printed());
      });
    } catch (error) {
      // `--help` of the program would start another one: here the message has to do.
      const plain = error instanceof UsageFault ? new Fault("usage", error.message) : error;
      await reportFailure(plain, output, { interrupted: stop.code });
    } finally {
      this.#running = undefined;
    }
    return exit;
  }
}

/** Completes the first word of a line, in the form that node:readline asks for. */
function completeCommand(line: string): [string[], string] {
  const { commands } = buildShellProgram({ exit() {}, verb: () => Promise.resolve() });
  const names = [...commands.map((command) => command.name()), "help"];
  return [names.filter((name) => name.startsWith(line)).map((name) => name + " "), line];
}
