import { freePort, isListening, ServerProcess } from "../measure/server_process.ts";
import { findTool, timedRun } from "../measure/timed_run.ts";

/** Time for one transfer, in milliseconds. */
const LIMIT_MS = 120_000;

/** magic-wormhole with a mailbox server of its own, and both ends on this machine. */
export class Wormhole implements AsyncDisposable {
  readonly #server: ServerProcess;
  readonly #words: string[];
  #next = 1;

  private constructor(server: ServerProcess, words: string[]) {
    this.#server = server;
    this.#words = words;
  }

  /** Throws NotInstalled where it or its server is missing. */
  static async start(scratch: string): Promise<Wormhole> {
    const [program, twist] = await Promise.all([findTool("wormhole"), findTool("twist3")]);
    const port = freePort();
    const plugin = ["wormhole-mailbox", `--port=tcp:${port}:interface=127.0.0.1`];
    const database = `--channel-db=${scratch}/wormhole.sqlite`;
    const server = new ServerProcess([twist, ...plugin, database]);
    await server.ready(() => isListening(port));
    const relay = [`--relay-url=ws://127.0.0.1:${port}/v1`, "--transit-helper="];
    return new Wormhole(server, [program, ...relay]);
  }

  /** Sends a file to one receiver; seconds from start to the exit of both. */
  async transfer(file: string, into: string): Promise<number> {
    const code = `${this.#next++}-bench-bench`;
    const started = performance.now();
    const [send, receive] = [["send", "--hide-progress", `--code=${code}`, file], [
      "receive",
      "--hide-progress",
      "--accept-file",
      `--output-file=${into}`,
      code,
    ]];
    await Promise.all(
      [send, receive].map((words) => timedRun([...this.#words, ...words], LIMIT_MS)),
    );
    return (performance.now() - started) / 1_000;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}
