/** Links with delay and loss, between network namespaces: what loopback can't show. */
import { assert, assertEquals } from "@std/assert";
import type { Receipt } from "../../src/peer/api/peer_api.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { outputOf } from "../support/output_of.ts";
import { lacking, testUnless } from "../support/tools.ts";
import { noWan, type WanHost, WanNetwork, type WanPath } from "../support/wan/wan_network.ts";
import { Program, shoalJson } from "../e2e/program.ts";
import { lastLine, newKey, sameFiles, writeRandom } from "../e2e/world.ts";
import { assertSameTree } from "../e2e/trees.ts";

/** The least share of a link that a transfer uses, whatever else the machine does. */
const LEAST_SHARE = 0.5;

/** A peer that shares one file or folder on one host, for a process on the other that fetches it. */
class Pair implements AsyncDisposable {
  readonly receiver: WanHost;
  readonly #stack: AsyncDisposableStack;
  readonly #options: string[];
  /** The address of the bootstrap. */
  readonly #meeting: string;

  private constructor(
    receiver: WanHost,
    stack: AsyncDisposableStack,
    options: string[],
    meeting: string,
  ) {
    this.receiver = receiver;
    this.#stack = stack;
    this.#options = options;
    this.#meeting = meeting;
  }

  static async share(
    path: string,
    { mbit, isPrivate = false, ...between }: WanPath & { mbit: number; isPrivate?: boolean },
  ): Promise<Pair> {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await TempFolder.create());
    const link = { up: mbit, down: 0 };
    const network = stack.use(await WanNetwork.open(between, [link, link]));
    const [{ prefix, address }, receiver] = network.hosts;
    const key = isPrivate ? ["--swarm-key", await newKey(folder.at("swarm.key"))] : [];
    const place = ["--host", address];
    const bootstrap = stack.use(
      new Program(["bootstrap", "--port", "0", ...place, ...key], { prefix }),
    );
    const [, meeting] = await bootstrap.sees(/Bootstrap listening on ([^\s,]+).*\n/);
    const options = ["--bootstrap", meeting, ...key];
    const dir = folder.at("sharer");
    await Deno.mkdir(dir);
    const peer = stack.use(
      new Program(["peer", "0", ...place, "--dir", dir, ...options], { prefix }),
    );
    await peer.sees(/registered with/);
    await shoalJson(["peer", "share", path, "--dir", dir, ...options], { prefix });
    return new Pair(receiver, stack.move(), options, meeting);
  }

  /** Fetches a name into a folder; the receipt, and the seconds from the program's start to its exit. */
  async get(name: string, dir: string): Promise<{ receipt: Receipt; seconds: number }> {
    const started = performance.now();
    const words = ["peer", "get", name, "--json", "--dir", dir, ...this.#options];
    // It waits as long as it does for its users: packets that are lost come again after seconds.
    const program = new Program(words, { prefix: this.receiver.prefix, env: { SHOAL_WAIT: "" } });
    const code = await program.ended();
    const seconds = (performance.now() - started) / 1_000;
    assertEquals(code, 0, program.stderr);
    return { receipt: JSON.parse(lastLine(program.stdout)), seconds };
  }

  /** The number of connections between the two that are open, the bootstrap's not counted. */
  async connections(): Promise<number> {
    const [command, ...args] = [...this.receiver.prefix, "ss", "-Htn", "state", "established"];
    const { stdout } = await outputOf(command, { args });
    const lines = new TextDecoder().decode(stdout).split("\n");
    return lines.filter((line) => line !== "" && !line.includes(this.#meeting)).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function assertFull(bytes: number, seconds: number, mbit: number): void {
  const share = bytes * 8 / 1e6 / seconds / mbit;
  assert(share >= LEAST_SHARE, `${share.toFixed(2)} of the link in ${seconds.toFixed(2)} s`);
}

for (const isPrivate of [false, true]) {
  const swarm = isPrivate ? "a private swarm" : "an open swarm";
  testUnless(noWan, `A link of 20 ms is at least half full in ${swarm}`, async () => {
    await using folder = await TempFolder.create();
    const size = 10e6;
    await writeRandom(folder.at("file.bin"), size);
    const mbit = 40;
    await using pair = await Pair.share(folder.at("file.bin"), {
      mbit,
      isPrivate,
      roundTripMs: 20,
    });
    await Deno.mkdir(folder.at("into"));
    const { receipt } = await pair.get("file.bin", folder.at("into"));
    assert(await sameFiles(folder.at("file.bin"), folder.at("into/file.bin")));
    assertFull(size, receipt.seconds, mbit);
  });
}

testUnless(noWan, "A folder of small files keeps a link of 20 ms at least half full", async () => {
  await using folder = await TempFolder.create();
  const [files, size, mbit] = [1_000, 4_096, 10];
  for (let file = 0; file < files; file++) {
    await folder.write(`tree/${file % 10}/${file}`, crypto.getRandomValues(new Uint8Array(size)));
  }
  await using pair = await Pair.share(folder.at("tree"), { mbit, roundTripMs: 20 });
  await Deno.mkdir(folder.at("into"));
  const { receipt } = await pair.get("tree", folder.at("into"));
  await assertSameTree(folder.at("into/tree"), folder.at("tree"));
  assertFull(files * size, receipt.seconds, mbit);
});

testUnless(noWan, "A file comes over a link of 0.5 Mbit/s, 600 ms and 2 % loss", async () => {
  await using folder = await TempFolder.create();
  await writeRandom(folder.at("file.bin"), 200_000);
  const path = { mbit: 0.5, roundTripMs: 600, lossPercent: 2, bufferMs: 500 };
  await using pair = await Pair.share(folder.at("file.bin"), path);
  await Deno.mkdir(folder.at("into"));
  await pair.get("file.bin", folder.at("into"));
  assert(await sameFiles(folder.at("file.bin"), folder.at("into/file.bin")));
});

testUnless(noWan, "A small file takes at most six round trips from start to exit", async () => {
  await using folder = await TempFolder.create();
  await writeRandom(folder.at("file.bin"), 1_000);
  // So long that what the machine does meanwhile is not taken for a round trip.
  const roundTripMs = 1_000;
  await using pair = await Pair.share(folder.at("file.bin"), { mbit: 100, roundTripMs });
  await Deno.mkdir(folder.at("into"));
  const { seconds } = await pair.get("file.bin", folder.at("into"));
  assert(seconds < 7 * roundTripMs / 1_000, `${seconds.toFixed(1)} s`);
});

testUnless(noWan ?? lacking("ss"), "A far source is asked over four connections", async () => {
  await using folder = await TempFolder.create();
  await writeRandom(folder.at("file.bin"), 8_000_000);
  await using pair = await Pair.share(folder.at("file.bin"), { mbit: 20, roundTripMs: 80 });
  await Deno.mkdir(folder.at("into"));
  let isOver = false;
  const getting = pair.get("file.bin", folder.at("into")).finally(() => isOver = true);
  let most = 0;
  while (!isOver) most = Math.max(most, await pair.connections());
  await getting;
  assertEquals(most, 4);
  assert(await sameFiles(folder.at("file.bin"), folder.at("into/file.bin")));
});
