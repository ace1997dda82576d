import type { Receipt } from "../../src/peer/api/peer_api.ts";
import { type Nat, NatNetwork } from "../support/wan/nat_network.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { Program, programWords, shoalJson, sourceWords } from "../e2e/program.ts";
import { eventually } from "../e2e/checks.ts";
import type { PeerRecord } from "../../src/wire/protocol.ts";
import { lastLine, newKey, sameFiles, writeRandom } from "../e2e/world.ts";

/** The port of the bootstrap: each is alone in its network. */
const PORT = 8_000;

export interface HomesOptions {
  /** Between any two links, in milliseconds. */
  roundTripMs?: number;
  /** The rate of each link, in Mbit/s; 0 is no limit. */
  mbit?: number;
  /** The limits of what the bootstrap passes on: its `--relay`. Default it does not. */
  relay?: string;
  isPrivate?: boolean;
  /** A third peer, which all can call, relays. */
  relayPeer?: boolean;
  /** The size of the file, in bytes. */
  size?: number;
  /** Runs the source, by a runtime that can punch, also where there is a binary. */
  fromSource?: boolean;
  /** More words for the peer that shares. */
  peerWords?: string[];
}

/** The outcome of one fetch. */
export interface Fetched {
  code: number;
  /** All that was printed to standard error. */
  told: string;
  /** Seconds from the start of the program to the first byte of the file; undefined when none came. */
  firstByte?: number;
  /** Seconds from the start of the program to its end. */
  seconds: number;
  receipt?: Receipt;
}

/** A bootstrap that all can call, and two homes: in one a peer shares a file, from the other it is fetched. */
export class Homes implements AsyncDisposable {
  readonly network: NatNetwork;
  readonly bootstrap: Program;
  readonly peer: Program;
  readonly folder: TempFolder;
  /** The words that lead to the swarm. */
  readonly meeting: string[];
  readonly #program: string[];
  readonly #stack: AsyncDisposableStack;

  private constructor(
    parts: Pick<Homes, "network" | "bootstrap" | "peer" | "folder" | "meeting">,
    program: string[],
    stack: AsyncDisposableStack,
  ) {
    ({
      network: this.network,
      bootstrap: this.bootstrap,
      peer: this.peer,
      folder: this.folder,
      meeting: this.meeting,
    } = parts);
    this.#program = program;
    this.#stack = stack;
  }

  static async open(sharer: Nat, fetcher: Nat, options: HomesOptions = {}): Promise<Homes> {
    const { roundTripMs = 40, mbit, relay, isPrivate, size = 1_000_000 } = options;
    const program = options.fromSource ? sourceWords() : programWords();
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await TempFolder.create());
    const nats: Nat[] = [sharer, fetcher, ...options.relayPeer ? ["none" as const] : []];
    const network = stack.use(await NatNetwork.open({ roundTripMs, mbit }, nats));
    const { meeting: { address, prefix }, homes: [home, , third] } = network;
    for (const dir of ["sharer", "fetcher"]) await Deno.mkdir(folder.at(dir));
    await writeRandom(folder.at("sharer/file.bin"), size);
    const key = isPrivate ? ["--swarm-key", await newKey(folder.at("swarm.key"))] : [];
    const relaying = relay ? ["--relay", relay] : [];
    const words = ["bootstrap", "--host", address, "--port", `${PORT}`, ...key, ...relaying];
    const bootstrap = stack.use(new Program(words, { prefix, program }));
    await bootstrap.sees(/listening/);
    const meeting = ["--bootstrap", `${address}:${PORT}`, ...key];
    if (third) {
      await Deno.mkdir(folder.at("relay"));
      const there = ["--dir", folder.at("relay"), ...meeting];
      const at = { prefix: third.prefix, program };
      const relay = stack.use(new Program(["peer", ...there, "--relay", "50M"], at));
      await relay.sees(/registered with/);
      await eventually("the relay is known to be reachable", async () => {
        const [one] = await shoalJson<PeerRecord[]>(["peer", "list-peers", ...there], at);
        return one?.reachable;
      });
    }
    const dir = ["--dir", folder.at("sharer")];
    const where = { prefix: home!.prefix, program };
    const peer = stack.use(
      new Program(["peer", ...dir, ...meeting, ...options.peerWords ?? []], where),
    );
    await peer.sees(/registered with/);
    await shoalJson(["peer", "share", "file.bin", ...dir, ...meeting], where);
    return new Homes({ network, bootstrap, peer, folder, meeting }, program, stack.move());
  }

  /** `shoal peer get file.bin`, while it runs. */
  start(words: string[] = [], wait = "15s"): Program {
    const { prefix } = this.network.homes[1]!;
    const dir = ["--dir", this.folder.at("fetcher")];
    return new Program(["peer", "get", "file.bin", "--json", ...dir, ...this.meeting, ...words], {
      prefix,
      program: this.#program,
      env: { SHOAL_WAIT: wait },
    });
  }

  /** Fetches the file, and looks whether all of it came. `meanwhile` begins with the first byte. */
  async get(words: string[] = [], meanwhile = () => Promise.resolve()): Promise<Fetched> {
    const began = performance.now();
    await using program = this.start(words);
    const first = program.sees(/"bytes":[1-9]/).then(
      () => (performance.now() - began) / 1_000,
      () => undefined,
    );
    if (await first !== undefined) await meanwhile();
    const code = await program.ended();
    const told = program.stderr;
    const seconds = (performance.now() - began) / 1_000;
    if (code !== 0) return { code, told, seconds };
    const [one, other] = ["sharer", "fetcher"].map((dir) => this.folder.at(`${dir}/file.bin`));
    if (!await sameFiles(one!, other!)) throw new Error("another file arrived");
    const receipt = JSON.parse(lastLine(program.stdout));
    return { code, told, seconds, firstByte: await first, receipt };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** The path by which all of a file came. */
export function pathOf({ receipt, told }: Fetched): string {
  const paths = receipt?.sources.filter(({ bytes }) => bytes > 0).map(({ path }) => path);
  return paths?.join(" and ") ?? told;
}
