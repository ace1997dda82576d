import { Buffer } from "node:buffer";
import { makeTempFolder } from "../support/run_folder.ts";
import type { Proxy } from "./proxy.ts";
import { type Finished, Program, type RunOptions, shoal } from "./program.ts";

/** Bytes that are compared at a time. */
const BLOCK = 1 << 20;

interface VerbOptions extends RunOptions {
  /** Words that may look like options: they come last, after `--`. */
  words?: string[];
  /** HOST:PORT of another bootstrap than this world's. */
  bootstrap?: string;
  /** Another key file than this world's; null is none. */
  swarmKey?: string | null;
}

export interface PeerOptions extends Pick<VerbOptions, "bootstrap" | "swarmKey" | "stdin"> {
  args?: string[];
  /** Leads to it, and is what it is listed by. */
  proxy?: Pick<Proxy, "address" | "target" | "listed">;
}

/** A bootstrap, peers and folders of their own, gone at the end of the test. */
export class World {
  /** A temporary folder. */
  readonly root: string;
  /** HOST:PORT of the bootstrap. */
  readonly bootstrap: string;
  /** The key file of a private swarm. */
  readonly swarmKey: string | undefined;
  /** Of the environment of all its programs. */
  readonly env: Record<string, string>;
  readonly #programs: Program[] = [];

  private constructor(
    root: string,
    bootstrap: string,
    { swarmKey, env }: { swarmKey?: string; env: Record<string, string> },
  ) {
    this.root = root;
    this.bootstrap = bootstrap;
    this.swarmKey = swarmKey;
    this.env = env;
  }

  /**
   * A world with a bootstrap, on a free port unless one is named. A private one has a swarm key, and all
   * use it.
   */
  static async create(
    { isPrivate = false, port = 0, args = [] as string[], env = {} } = {},
  ): Promise<World> {
    const root = await makeTempFolder();
    const swarmKey = isPrivate ? await newKey(`${root}/swarm.key`) : undefined;
    const options = [...swarmKey ? ["--swarm-key", swarmKey] : [], ...args];
    const where = ["--host", "127.0.0.1", "--port", `${port}`];
    const program = new Program(["bootstrap", ...where, ...options], { env });
    const [, address] = await program.sees(/Bootstrap listening on ([^\s,]+).*\n/);
    const world = new World(root, address, { swarmKey, env });
    world.#programs.push(program);
    return world;
  }

  /** The bootstrap's process. */
  get bootstrapProgram(): Program {
    return this.#programs[0];
  }

  /** A new empty folder. */
  async folder(name: string): Promise<string> {
    const path = `${this.root}/${name}`;
    await Deno.mkdir(path, { recursive: true });
    return path;
  }

  /** A peer that serves a folder of that name, once it is registered. */
  async peer(name: string, options: PeerOptions = {}): Promise<Peer> {
    const dir = await this.folder(name);
    const { proxy, stdin } = options;
    const port = proxy?.target.split(":")[1] ?? "0";
    const advertise = proxy ? ["--advertise", proxy.address] : [];
    const words = this.#words(dir, [port, "--host", "127.0.0.1", ...advertise], options);
    const program = new Program([...words, ...options.args ?? []], { stdin, env: this.env });
    this.#programs.push(program);
    const [, address] = await program.sees(/listening on (\S+), sharing/);
    await program.sees(/registered with/);
    await proxy?.listed(this, dir);
    return { dir, address, program };
  }

  /** Runs `shoal peer …` for a folder, with this bootstrap, to its end. */
  async run(dir: string, args: string[], options: VerbOptions = {}): Promise<Finished> {
    return await shoal(this.#words(dir, args, options), this.#with(options));
  }

  /** The JSON value that `shoal peer …` prints, the last one of `get`; fails when that fails. */
  async json<T>(dir: string, args: string[], options: VerbOptions = {}): Promise<T> {
    const words = this.#words(dir, [...args, "--json"], options);
    const { code, stdout, stderr } = await shoal(words, this.#with(options));
    if (code !== 0) throw new Error(`shoal ${words.join(" ")} ended with ${code}: ${stderr}`);
    return JSON.parse(args[0] === "get" ? lastLine(stdout) : stdout) as T;
  }

  /** `shoal peer …` while it runs. */
  start(dir: string, args: string[], options: VerbOptions = {}): Program {
    return this.adopt(new Program(this.#words(dir, args, options), this.#with(options)));
  }

  /** A process that ends with this world. */
  adopt(program: Program): Program {
    this.#programs.push(program);
    return program;
  }

  /** The options that lead a verb here; `swarmKey` null is none. */
  options({ bootstrap, swarmKey }: Pick<VerbOptions, "bootstrap" | "swarmKey"> = {}): string[] {
    const key = swarmKey === undefined ? this.swarmKey : swarmKey;
    return ["--bootstrap", bootstrap ?? this.bootstrap, ...key ? ["--swarm-key", key] : []];
  }

  #with<T extends RunOptions>(options: T): T {
    return { ...options, env: { ...this.env, ...options.env } };
  }

  #words(dir: string, args: string[], { words, ...meeting }: VerbOptions): string[] {
    const options = [...args, "--dir", dir, ...this.options(meeting)];
    return ["peer", ...options, ...words ? ["--", ...words] : []];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.stop()));
    await Deno.remove(this.root, { recursive: true });
  }
}

export interface Peer {
  dir: string;
  /** HOST:PORT that it listens on. */
  address: string;
  program: Program;
}

/** Has the program write a swarm key, and returns its path. */
export async function newKey(path: string, args: string[] = []): Promise<string> {
  const { code, stderr } = await shoal(["bootstrap", "new-key", path, ...args]);
  if (code !== 0) throw new Error(`no swarm key was made: ${stderr}`);
  return path;
}

/** The last of some lines: of those that `get --json` prints, the receipt or the error. */
export function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1)!;
}

/** Writes a file of random bytes, a block at a time. */
export async function writeRandom(path: string, size: number): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  const block = new Uint8Array(65_536);
  for (let left = size; left > 0; left -= block.length) {
    const part = block.subarray(0, Math.min(left, block.length));
    crypto.getRandomValues(part);
    for (let at = 0; at < part.length;) at += await file.write(part.subarray(at));
  }
}

/** True when two files have the same bytes. */
export async function sameFiles(a: string, b: string): Promise<boolean> {
  using one = await Deno.open(a);
  using other = await Deno.open(b);
  if ((await one.stat()).size !== (await other.stat()).size) return false;
  const [left, right] = [new Uint8Array(BLOCK), new Uint8Array(BLOCK)];
  for (let read; (read = await readFull(one, left));) {
    if (await readFull(other, right) !== read) return false;
    if (Buffer.compare(left.subarray(0, read), right.subarray(0, read)) !== 0) return false;
  }
  return true;
}

/** Reads until a buffer is full or the file ends; how much that was. */
async function readFull(file: Deno.FsFile, buffer: Uint8Array): Promise<number> {
  let read = 0;
  for (let n; read < buffer.length && (n = await file.read(buffer.subarray(read)));) read += n;
  return read;
}
