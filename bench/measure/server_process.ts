import { interrupted } from "./interrupt.ts";
import { kill } from "./timed_run.ts";

/** A server that isn't ready by then never will be, in milliseconds. */
const READY_MS = 20_000;
/** A server that hasn't ended so long after it was asked to is ended by force, in milliseconds. */
const STOP_MS = 5_000;
const POLL_MS = 20;

/** A process that runs beside the measuring ones, until it is disposed of. */
export class ServerProcess implements AsyncDisposable {
  /** Its output so far, both streams. */
  output = "";
  readonly #command: string;
  readonly #child: Deno.ChildProcess;
  readonly #over: Promise<unknown>;
  #ended = false;

  constructor(words: string[]) {
    interrupted.throwIfAborted();
    const [command, ...args] = words;
    this.#command = command;
    const options = { args, stdin: "null", stdout: "piped", stderr: "piped" } as const;
    this.#child = new Deno.Command(command, options).spawn();
    this.#over = Promise.all([
      this.#child.status.then(() => this.#ended = true),
      this.#read(this.#child.stdout),
      this.#read(this.#child.stderr),
    ]);
  }

  /**
   * Waits until `isReady` gives something true, and gives that. Throws when the process ends, and after
   * `withinMs` milliseconds.
   */
  async ready<T>(isReady: () => T | Promise<T>, withinMs = READY_MS): Promise<NonNullable<T>> {
    const deadline = performance.now() + withinMs;
    while (performance.now() < deadline) {
      const result = await isReady();
      if (result) return result;
      interrupted.throwIfAborted();
      if (this.#ended) throw new Error(`${this.#command} ended: ${this.output.trim()}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    throw new Error(`${this.#command} was not ready within ${withinMs / 1000} s`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    kill(this.#child, "SIGTERM");
    const timer = setTimeout(() => kill(this.#child, "SIGKILL"), STOP_MS);
    await this.#over;
    clearTimeout(timer);
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stream) this.output += decoder.decode(bytes, { stream: true });
  }
}

/** A free port of this machine. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** True when a program listens on that port of this machine. */
export async function isListening(port: number): Promise<boolean> {
  try {
    using _conn = await Deno.connect({ hostname: "127.0.0.1", port });
    return true;
  } catch {
    return false;
  }
}
