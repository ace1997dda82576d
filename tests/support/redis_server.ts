import { makeTempFolder, note } from "./run_folder.ts";

/** A real redis-server of a test, on a Unix socket in a temporary folder. */
export class RedisServer {
  readonly folder: string;
  readonly #words: string[];
  #child!: Deno.ChildProcess;
  #forget = () => {};

  private constructor(folder: string, words: string[]) {
    this.folder = folder;
    this.#words = words;
  }

  /** Starts one; `words` are options of redis-server. Resolves once it answers. */
  static async start(words: string[] = []): Promise<RedisServer> {
    const server = new RedisServer(await makeTempFolder(), words);
    await server.run();
    return server;
  }

  /** The path of its socket. */
  get socket(): string {
    return `${this.folder}/redis.sock`;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Starts the process, empty, in place of one that ended. */
  async run(): Promise<void> {
    const words = ["--port", "0", "--unixsocket", this.socket, "--save", "", "--dir", this.folder];
    this.#child = new Deno.Command("redis-server", {
      args: [...words, ...this.#words],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    this.#forget = note({ kind: "process", pid: this.#child.pid });
    for (let tries = 0; !/PONG|NOAUTH/.test(await this.cli("PING")); tries++) {
      if (tries > 200) throw new Error("redis-server does not answer");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Runs a command in redis-cli, and returns what that prints. */
  async cli(...words: string[]): Promise<string> {
    const command = new Deno.Command("redis-cli", { args: ["-s", this.socket, ...words] });
    const { stdout, stderr } = await command.output();
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  }

  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Ends the process at once; all that it held is lost. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
    this.#forget();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill().catch(() => {});
  }
}
