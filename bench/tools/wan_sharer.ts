import { newKey } from "../../tests/e2e/world.ts";
import { Program, programWords } from "../../tests/e2e/program.ts";
import type { WanHost } from "../../tests/support/wan/wan_network.ts";
import type { Sample } from "../measure/interleave.ts";
import { timedRun } from "../measure/timed_run.ts";

/** A link with loss may take long, in milliseconds. */
const LIMIT_MS = 240_000;

/** A bootstrap and a peer that shares, on one host; what they need lies in folders of `scratch`. */
export class WanSharer {
  readonly #host: WanHost;
  readonly #dir: string;
  readonly #options: string[];

  private constructor(host: WanHost, dir: string, options: string[]) {
    this.#host = host;
    this.#dir = dir;
    this.#options = options;
  }

  /** Starts both, to be ended by the stack. */
  static async start(
    stack: AsyncDisposableStack,
    { host, scratch, isPrivate = false }: { host: WanHost; scratch: string; isPrivate?: boolean },
  ): Promise<WanSharer> {
    const dir = await Deno.makeTempDir({ dir: scratch, prefix: "sharer-" });
    const key = isPrivate ? ["--swarm-key", await newKey(`${dir}.key`)] : [];
    const { prefix, address } = host;
    const bootstrap = new Program(["bootstrap", "--host", address, "--port", "0", ...key], {
      prefix,
    });
    stack.use(bootstrap);
    const [, meeting] = await bootstrap.sees(/Bootstrap listening on ([^\s,]+).*\n/);
    const options = ["--bootstrap", meeting, ...key];
    const words = ["peer", "0", "--host", address, "--dir", dir, ...options];
    const peer = stack.use(new Program(words, { prefix }));
    await peer.sees(/registered with/);
    return new WanSharer(host, dir, options);
  }

  /** Shares a file or folder; returns once it is announced. */
  async share(path: string): Promise<void> {
    await this.#run(this.#host, ["share", path, "--dir", this.#dir]);
  }

  /** Fetches it on another host as a process of its own, from its start to its exit. */
  async fetchOn(host: WanHost, name: string, into: string): Promise<Sample> {
    const { seconds } = await this.#run(host, ["get", name, "--quiet", "--dir", into]);
    return { process: seconds };
  }

  #run({ prefix }: WanHost, words: string[]) {
    return timedRun([...prefix, ...programWords(), "peer", ...words, ...this.#options], LIMIT_MS);
  }
}
