/**
 * The cost of a fleet that fetches in the same minute: one source with a limit, and many `shoal
 * peer get`s, each a process with a folder of its own. Goals are printed, not asserted.
 */
import { shoal } from "../tests/e2e/program.ts";
import { lastLine, sameFiles, World, writeRandom } from "../tests/e2e/world.ts";
import type { Receipt } from "../src/peer/api/peer_api.ts";
import { type FleetOptions, parseFleetOptions, USAGE } from "./fleet_options.ts";
import { interrupted } from "./measure/interrupt.ts";
import { Room } from "./measure/room.ts";
import { runBench } from "./run_bench.ts";

/** Most that the last may take, as a multiple of the bound. */
const GOAL = 1.5;

interface Fetched {
  /** From the start of the fleet to the end of this process. */
  seconds: number;
  receipt: Receipt;
}

async function main(): Promise<void> {
  const options = parseFleetOptions(Deno.args);
  if (options === "help") return console.log(USAGE);
  const { fetchers, size, up } = options;
  await using room = await Room.open((fetchers + 2) * size);
  const what = `${fetchers} fetchers, ${size / 2 ** 20} MiB, one seeder at ${up / 1e6} MB/s`;
  console.log(`fleet: ${what}, on ${room.kind}, ${navigator.hardwareConcurrency} processors`);
  console.log(`  load before: ${loads()}`);
  await using world = await World.create();
  const seeder = await world.peer("seeder", { args: ["--limit-up", String(up)] });
  const path = `${seeder.dir}/data`;
  await writeRandom(path, size);
  await world.json(seeder.dir, ["share", path]);
  const fetched = await run(world, options);
  for (const index of fetched.keys()) {
    if (!await sameFiles(path, `${world.root}/${index}/data`)) throw new Error(`${index} differs`);
  }
  for (const line of report(fetched, seeder.address, options)) console.log(line);
  console.log(`  load after: ${loads()}`);
}

/** Starts them all in the same moment, and waits for the last. */
async function run(world: World, { fetchers, splay }: FleetOptions): Promise<Fetched[]> {
  const dirs = await Promise.all(
    Array.from({ length: fetchers }, (_, index) => world.folder(String(index))),
  );
  const started = performance.now();
  return await Promise.all(dirs.map(async (dir): Promise<Fetched> => {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * splay * 1000));
    interrupted.throwIfAborted();
    const words = ["peer", "get", "data", "--json", "--dir", dir, ...world.options()];
    const { code, stdout, stderr } = await shoal(words);
    if (code !== 0) throw new Error(`a get ended with ${code}: ${stderr}`);
    return { seconds: (performance.now() - started) / 1000, receipt: JSON.parse(lastLine(stdout)) };
  }));
}

/**
 * The bound on the time of the last is max(F/u, N·F/(u + Σu_i)): no peer can have the file before
 * the source has sent it once, and N copies can't be sent faster than by all senders together. A
 * peer that is seen to have sent nothing has no part in that sum; a fetcher that sends has no limit
 * here.
 */
function* report(
  fetched: Fetched[],
  seeder: string,
  { fetchers, size, up }: FleetOptions,
): Generator<string> {
  const sources = fetched.flatMap(({ receipt }) => receipt.sources);
  const sent = sources.filter(({ address }) => address === seeder)
    .reduce((sum, { bytes }) => sum + bytes, 0);
  const shared = sources.some(({ address, bytes }) => address !== seeder && bytes > 0);
  const bound = (shared ? 1 : fetchers) * size / up;
  const seconds = fetched.map((one) => one.seconds).sort((a, b) => a - b);
  const show = (value: number) => `${value.toFixed(1)} s = ${(value / bound).toFixed(2)} x`;
  const how = shared ? "fetchers served each other" : "no fetcher served another";
  yield `  ${how}: the bound is ${bound.toFixed(1)} s`;
  yield `  first ${show(seconds[0])}, median ${show(seconds[seconds.length >> 1])}, ` +
    `last ${show(seconds.at(-1)!)} (goal: at most ${GOAL} x)`;
  yield `  the seeder sent ${(sent / size).toFixed(2)} copies, ${
    (sent / seconds.at(-1)! / 1e6).toFixed(0)
  } MB/s on average`;
}

function loads(): string {
  return Deno.loadavg().map((load) => load.toFixed(1)).join(" ");
}

await runBench("bench:fleet", main);
