/**
 * The demonstration: a bootstrap and two peers as separate processes, with folders of their own; two
 * files are shared, found, fetched and compared. Each step is shown as a user would type it. The exit
 * code is 0 when every byte is right.
 */
import { lastLine, type Peer, sameFiles, World, writeRandom } from "../tests/e2e/world.ts";
import { type Finished, shoal } from "../tests/e2e/program.ts";
import type { Receipt, ShareResult } from "../src/peer/api/peer_api.ts";
import { formatDuration, formatRate, formatSize, shortId } from "../src/cli/output/units.ts";

const BIG = 64 * 1024 * 1024;

/** Shows a command and what it printed; ends the demonstration when it failed. */
async function step(what: string, args: string[], { show = true } = {}): Promise<Finished> {
  console.log(`\n# ${what}\n$ shoal ${args.join(" ")}`);
  const finished = await shoal(args);
  if (show) console.log((finished.stdout + finished.stderr).trimEnd());
  if (finished.code !== 0) throw new Error(`shoal ended with exit code ${finished.code}`);
  return finished;
}

async function share(peer: Peer, name: string): Promise<void> {
  const args = ["peer", "share", name, "--dir", peer.dir, "--json"];
  const { stdout } = await step(`Ann shares ${name}, where it is`, args, { show: false });
  const [shared] = JSON.parse(stdout) as ShareResult[];
  console.log(
    `hashed ${formatSize(shared.size)} in ${formatDuration(shared.seconds)} ` +
      `(${formatRate(shared.size / shared.seconds)}), id ${shortId(shared.id)}`,
  );
}

async function fetchAndCompare(from: Peer, to: Peer, name: string): Promise<void> {
  const args = ["peer", "get", name, "--dir", to.dir, "--json"];
  const { stdout } = await step(`Bob fetches ${name}; this is the receipt`, args, { show: false });
  const receipt = JSON.parse(lastLine(stdout)) as Receipt;
  console.log(JSON.stringify(receipt, null, 2));
  if (!await sameFiles(`${from.dir}/${name}`, `${to.dir}/${name}`)) {
    throw new Error(`${name} differs`);
  }
  console.log(
    `identical, byte for byte: ${formatSize(receipt.bytes)} at ${formatRate(receipt.rate)}, ` +
      `verified against id ${shortId(receipt.id)}`,
  );
}

async function main(): Promise<void> {
  await using world = await World.create();
  console.log("# A bootstrap and two peers start, each a process of its own");
  console.log(`$ shoal bootstrap --host 127.0.0.1\n${world.bootstrapProgram.stdout.trimEnd()}`);
  const ann = await world.peer("ann");
  const bob = await world.peer("bob");
  for (const peer of [ann, bob]) {
    console.log(`$ shoal peer --dir ${peer.dir} --bootstrap ${world.bootstrap}`);
    console.log(peer.program.stdout.trimEnd());
  }
  await writeRandom(`${ann.dir}/big.bin`, BIG);
  await Deno.writeTextFile(`${ann.dir}/hello.txt`, "Hello from Ann.\n");
  await share(ann, "big.bin");
  await share(ann, "hello.txt");
  await step("Bob looks what there is", ["peer", "list-files", "--dir", bob.dir]);
  await fetchAndCompare(ann, bob, "big.bin");
  await fetchAndCompare(ann, bob, "hello.txt");
  await step("Asked again, nothing needs to be transferred", [
    ...["peer", "get", "big.bin", "--dir", bob.dir],
  ]);
  await step("How it stands", ["peer", "status", "--dir", bob.dir]);
  console.log("\nAll is well. The processes and folders are gone now.");
}

await main();
