import { outputOf } from "./output_of.ts";
import { note } from "./run_folder.ts";

/** A network namespace, held by a process that ends with this one at the latest. Needs root. */
export class NetNamespace implements AsyncDisposable {
  readonly pid: number;
  readonly #child: Deno.ChildProcess;
  readonly #forget: () => void;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.pid = child.pid;
    this.#forget = note({ kind: "process", pid: child.pid });
  }

  static async start(): Promise<NetNamespace> {
    const child = new Deno.Command("unshare", {
      args: ["--net", "sh", "-c", "echo; exec cat >/dev/null"],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const holder = new NetNamespace(child);
    const reader = child.stdout.getReader();
    await reader.read(); // it is in its namespace now
    await reader.cancel();
    return holder;
  }

  /** Words to put before a command that is to run there. */
  get prefix(): string[] {
    return ["nsenter", `--net=/proc/${this.pid}/ns/net`];
  }

  async run(...words: string[]): Promise<void> {
    const [command, ...args] = [...this.prefix, ...words];
    const { success, stderr } = await outputOf(command!, { args });
    if (!success) throw new Error(`${words.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stdin.close().catch(() => {});
    await this.#child.status;
    this.#forget();
  }
}
