/**
 * How near a swarm comes to the theoretical bound: one seeder and N peers, every link with the same
 * rate both ways, all peers begin together. The bound on the time of the last is
 * max(F/u_s, F/d, N·F/(u_s + Σu_i)): nobody can get the file faster than the seeder can send it once,
 * than a link can carry it, or than all uplinks together can send N copies.
 *
 *     deno task bench:swarm [--peers N] [--size MIB] [--mbit RATE]
 */
import { parseArgs } from "@std/cli/parse-args";
import type { Receipt } from "../src/peer/peer_api.ts";
import { Program, shoal } from "../tests/e2e/program.ts";
import { sameFiles, writeRandom } from "../tests/e2e/world.ts";
import { type Host, Network } from "./netns.ts";

interface Finish {
  seconds: number;
  receipt: Receipt;
}

const options = parseArgs(Deno.args, {
  string: ["peers", "size", "mbit"],
  default: { peers: "8", size: "256", mbit: "100" },
});
const peers = Number(options.peers);
const bytes = Number(options.size) * 1024 * 1024;
const mbit = Number(options.mbit);

/** A peer on a host of its own, registered. */
async function startPeer(host: Host, dir: string, bootstrap: string): Promise<Program> {
  await Deno.mkdir(dir);
  const program = new Program(["peer", "10000", "--dir", dir, "--bootstrap", bootstrap], {
    prefix: host.prefix,
  });
  await program.sees(/registered with/);
  return program;
}

/** Has the peer of a folder fetch the file; the clock runs from the command to its end. */
async function fetchOn(host: Host, dir: string): Promise<Finish> {
  const started = performance.now();
  const { code, stdout, stderr } = await shoal(["peer", "get", "data", "--dir", dir, "--json"], {
    prefix: host.prefix,
  });
  if (code !== 0) throw new Error(`get ended with ${code}: ${stderr}`);
  return { seconds: (performance.now() - started) / 1000, receipt: JSON.parse(stdout) };
}

async function measure(root: string): Promise<Finish[]> {
  await using network = new Network();
  const programs: Program[] = [];
  try {
    const [meeting] = await network.add(1);
    const hosts = await network.add(peers + 1, mbit);
    const bootstrap = new Program(["bootstrap"], { prefix: meeting.prefix });
    programs.push(bootstrap);
    await bootstrap.sees(/Bootstrap listening/);
    const dirs = hosts.map((_, index) => `${root}/${index}`);
    programs.push(
      ...await Promise.all(
        hosts.map((host, index) => startPeer(host, dirs[index], `${meeting.address}:8000`)),
      ),
    );
    await writeRandom(`${dirs[0]}/data`, bytes);
    await shoal(["peer", "share", "data", "--dir", dirs[0]], { prefix: hosts[0].prefix });
    const finishes = await Promise.all(
      hosts.slice(1).map((host, index) => fetchOn(host, dirs[index + 1])),
    );
    for (const dir of dirs.slice(1)) {
      if (!await sameFiles(`${dirs[0]}/data`, `${dir}/data`)) throw new Error(`${dir} differs`);
    }
    return finishes;
  } finally {
    await Promise.all(programs.map((program) => program.stop()));
  }
}

if (!await Network.possible()) {
  console.error("bench:swarm needs root, ip and tc, for network namespaces");
  Deno.exit(1);
}
const root = await Deno.makeTempDir({ prefix: "shoal-swarm-" });
try {
  const finishes = (await measure(root)).toSorted((a, b) => a.seconds - b.seconds);
  const link = mbit * 1e6 / 8;
  const bound = Math.max(bytes / link, peers * bytes / ((peers + 1) * link));
  console.log(
    `${peers} peers, ${options.size} MiB, ${mbit} Mbit/s both ways: bound ${bound.toFixed(1)} s`,
  );
  for (const { seconds, receipt } of finishes) {
    const sources = receipt.sources.filter((source) => source.bytes > 0).length;
    const again = receipt.chunks.refetched;
    console.log(
      `  ${seconds.toFixed(1)} s  from ${sources} sources  ${again} chunks asked for again`,
    );
  }
  const seeder = finishes.flatMap(({ receipt }) => receipt.sources)
    .filter(({ address }) => address === "10.77.0.2:10000")
    .reduce((sum, source) => sum + source.bytes, 0);
  console.log(`the seeder sent ${(seeder / bytes).toFixed(2)} copies`);
  const show = (what: string, seconds: number, goal: string) =>
    console.log(
      `${what}: ${seconds.toFixed(1)} s = ${
        (seconds / bound).toFixed(2)
      } x (goal: at most ${goal})`,
    );
  show("median", finishes[Math.floor(finishes.length / 2)].seconds, "1.15 x");
  show("last", finishes[finishes.length - 1].seconds, "1.5 x");
} finally {
  await Deno.remove(root, { recursive: true });
}
