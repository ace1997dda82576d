/**
 * A bootstrap under 2,000 hostile connections: the time of an honest `find` before and meanwhile,
 * and the bootstrap's memory afterwards. The hostile callers are processes of their own
 * (flood_attacker.ts): silent, a byte a second, never reading, garbage, registering.
 *
 * Memory is what is resident: at the start, when a peer has announced 1,000 files and honest
 * callers have asked about 400 questions, so that the program is loaded and compiled; and the least
 * of the 25 seconds after the last hostile connection is gone.
 */
import { parseAddress } from "../src/peer/api/settings.ts";
import type { Address } from "../src/wire/connection.ts";
import { FoundReply, Ok } from "../src/wire/protocol.ts";
import { TestPeer } from "../tests/bootstrap/bench.ts";
import { Program } from "../tests/e2e/program.ts";
import { type FloodOptions, parseFloodOptions, USAGE } from "./flood_options.ts";
import { median } from "./measure/interleave.ts";
import { ServerProcess } from "./measure/server_process.ts";

/** Files that the honest peer announces. */
const FILES = 1_000;
/** Between two questions, in milliseconds: they are to find the bootstrap as it is, not to load it. */
const PAUSE_MS = 10;
/** Time for the collector to tidy up, which it does when there is nothing else to do, in milliseconds. */
const TIDY_MS = 25_000;
const ATTACKERS = 4;
const GOALS = { ratio: 5, memory: 1.2 };

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks for files for so long; how long each answer took, in milliseconds. */
async function askFor(asker: TestPeer, ms: number): Promise<number[]> {
  const took: number[] = [];
  for (const end = performance.now() + ms; performance.now() < end;) {
    const started = performance.now();
    const name = `file ${took.length % FILES}`;
    const found = await asker.list({ action: "find", name }, FoundReply);
    if (found.length !== 1) throw new Error(`${name} was not found`);
    took.push(performance.now() - started);
    await pause(PAUSE_MS);
  }
  return took;
}

/** As {@link askFor}, each on a connection of its own, as a verb does. */
async function askAnew(address: Address, times: number): Promise<number[]> {
  const took: number[] = [];
  for (let asked = 0; asked < times; asked++) {
    const started = performance.now();
    using asker = await TestPeer.open({ address });
    await asker.list({ action: "find", name: `file ${asked}` }, FoundReply);
    took.push(performance.now() - started);
    await pause(PAUSE_MS);
  }
  return took;
}

/** Resident memory, in bytes. */
async function residentBytes({ pid }: Program): Promise<number> {
  const ps = new Deno.Command("ps", { args: ["-o", "rss=", "-p", String(pid)] });
  return Number(new TextDecoder().decode((await ps.output()).stdout)) * 1_024;
}

/** The least that is resident while the bootstrap is left alone. */
async function settledBytes(program: Program): Promise<number> {
  let least = Infinity;
  for (const end = performance.now() + TIDY_MS; performance.now() < end;) {
    await pause(1_000);
    least = Math.min(least, await residentBytes(program));
  }
  return least;
}

/** Runs the hostile connections while `work` does; they are gone when this resolves. */
async function underFlood<T>(
  address: Address,
  { connections, kinds }: FloodOptions,
  work: () => Promise<T>,
): Promise<T> {
  await using attackers = new AsyncDisposableStack();
  const script = decodeURIComponent(new URL("flood_attacker.ts", import.meta.url).pathname);
  const each = String(Math.ceil(connections / ATTACKERS));
  const where = `${address.host}:${address.port}`;
  for (let n = 0; n < ATTACKERS; n++) {
    const words = [Deno.execPath(), "run", "--allow-net=127.0.0.1", script, where, each, ...kinds];
    const attacker = attackers.use(new ServerProcess(words));
    await attacker.ready(() => attacker.output.includes("connected"));
  }
  return await work();
}

async function measure(options: FloodOptions) {
  await using bootstrap = new Program(["bootstrap", "--host", "127.0.0.1", "--port", "0"]);
  const [, where] = await bootstrap.sees(/Bootstrap listening on (\S+)\n/);
  const address = parseAddress(where, 1);
  using asker = await TestPeer.open({ address });
  await asker.register(address.port);
  const names = Array.from({ length: FILES }, (_, n) => `file ${n}`);
  await asker.announce(...await Promise.all(names.map((name) => asker.sign(name))));
  const beating = setInterval(() => void asker.ask({ action: "heartbeat" }, Ok), 20_000);
  try {
    // Compiled, and with a heap that has its size, before anything is measured.
    await askFor(asker, 2_000);
    await askAnew(address, 100);
    const before = await residentBytes(bootstrap);
    const quiet = await askFor(asker, 2_000);
    const quietAnew = await askAnew(address, 50);
    const [hostile, hostileAnew, peak] = await underFlood(address, options, async () => {
      const took = await askFor(asker, options.seconds * 1_000);
      return [took, await askAnew(address, 50), await residentBytes(bootstrap)] as const;
    });
    const after = await settledBytes(bootstrap);
    return {
      find_quiet_ms: median(quiet)!,
      find_flood_ms: median(hostile)!,
      find_ratio: median(hostile)! / median(quiet)!,
      find_flood_worst_ms: Math.max(...hostile),
      verb_ratio: median(hostileAnew)! / median(quietAnew)!,
      asked: [quiet.length, hostile.length],
      memory: { before, peak, after, ratio: after / before },
    };
  } finally {
    clearInterval(beating);
  }
}

type Result = Awaited<ReturnType<typeof measure>>;

function report(result: Result, connections: number): string {
  const { memory } = result;
  const ms = (value: number, digits = 2) => `${value.toFixed(digits)} ms`;
  const mb = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  return [
    `find: ${ms(result.find_quiet_ms)} quiet, ${ms(result.find_flood_ms)} under ` +
    `${connections} hostile connections (worst ${ms(result.find_flood_worst_ms, 0)}): ` +
    `${result.find_ratio.toFixed(2)} x (goal: at most ${GOALS.ratio} x)`,
    `connect, hello and find: ${result.verb_ratio.toFixed(2)} x`,
    `memory: ${mb(memory.before)} after honest use alone, ${mb(memory.peak)} meanwhile, ` +
    `${mb(memory.after)} within ${TIDY_MS / 1_000} s after: ` +
    `${memory.ratio.toFixed(2)} x (goal: at most ${GOALS.memory} x)`,
  ].join("\n");
}

async function main(): Promise<void> {
  const options = parseFloodOptions(Deno.args);
  if (options === "help") return console.log(USAGE);
  const result = await measure(options);
  console.log(options.json ? JSON.stringify(result) : report(result, options.connections));
  const missed = result.find_ratio > GOALS.ratio || result.memory.ratio > GOALS.memory;
  if (missed) Deno.exitCode = 1;
}

try {
  await main();
} catch (error) {
  console.error(`bench:flood: ${(error as Error).message}`);
  Deno.exitCode = 1;
}
