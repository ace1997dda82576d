import { writeRandom } from "../../tests/e2e/world.ts";
import { NotInstalled } from "../measure/timed_run.ts";
import { type Host, Network } from "../netns.ts";
import { libtorrentSwarm } from "../tools/libtorrent_swarm.ts";
import { shoalSwarm } from "../tools/shoal_swarm.ts";
import type { SwarmSetting } from "../tools/swarm_fetcher.ts";
import type { SwarmOptions } from "../swarm_options.ts";

/** Most that a figure of ours may be, as a multiple of the bound. */
const GOALS: Goals = { median: 1.15, last: 1.5 };

/** As multiples of the bound. */
interface Goals {
  median: number;
  last: number;
}

interface Hosts extends AsyncDisposable {
  meeting: Host;
  hosts: Host[];
  /** The means by which the rates are kept. */
  kind: string;
}

/**
 * The time of a swarm against the theoretical bound: one source and N peers that begin together.
 */
export async function* swarmTime(options: SwarmOptions): AsyncGenerator<string> {
  const { peers, size, mbit } = options;
  const bound = swarmBound(options);
  await using hosts = await hostsFor(options);
  const what = `${peers} peers, ${size / 2 ** 20} MiB, ${mbit} Mbit/s both ways`;
  yield `swarm: ${what} by ${hosts.kind}: the bound is ${bound.toFixed(1)} s`;
  yield* spreadBoth(hosts, { size, bound, goals: GOALS });
}

/**
 * The bound on the time of the last, in seconds, where every link has the same rate both ways:
 * max(F/u_s, F/d, N·F/(u_s + Σu_i)). No peer can get the file faster than the source can send it
 * once, than a link can carry it, or than all uplinks together can send N copies.
 */
export function swarmBound(
  { peers, size, mbit }: Record<"peers" | "size" | "mbit", number>,
): number {
  const link = mbit * 1e6 / 8;
  return Math.max(size / link, peers * size / ((peers + 1) * link));
}

/** Has Shoal, then libtorrent, spread a file of `size` bytes to all hosts from the first, and reports each. */
export async function* spreadBoth(
  { meeting, hosts }: Pick<SwarmSetting, "meeting" | "hosts">,
  { size, bound, goals }: { size: number; bound: number; goals: Goals },
): AsyncGenerator<string> {
  const root = await Deno.makeTempDir({ prefix: "shoal-swarm-" });
  try {
    const original = { folder: `${root}/original`, name: "data" };
    await Deno.mkdir(original.folder);
    await writeRandom(`${original.folder}/data`, size);
    for (const fetcher of [shoalSwarm, libtorrentSwarm]) {
      const scratch = `${root}/${fetcher.name}`;
      await Deno.mkdir(scratch);
      try {
        const { seconds, notes } = await fetcher.spread({ meeting, hosts, original, scratch });
        yield `  ${fetcher.name}: ${summary(seconds, bound, fetcher.ours ? goals : undefined)}`;
        for (const note of notes) yield `    ${note}`;
      } catch (error) {
        if (!(error instanceof NotInstalled)) throw error;
        yield `  ${fetcher.name}: skipped, ${error.message}`;
      }
      // Room for the next one's copies.
      await Deno.remove(scratch, { recursive: true });
    }
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** Namespaces of the network, or this machine's loopback where they can't be had. */
async function hostsFor({ peers, mbit, loopback }: SwarmOptions): Promise<Hosts> {
  if (!loopback && await Network.possible()) {
    const network = new Network();
    const [meeting] = await network.add(1);
    return {
      meeting,
      hosts: await network.add(peers + 1, mbit),
      kind: "tc in network namespaces",
      [Symbol.asyncDispose]: () => network[Symbol.asyncDispose](),
    };
  }
  const host = { prefix: [], address: "127.0.0.1" };
  const why = loopback ? "" : ", for want of root, ip and tc";
  return {
    meeting: { ...host, rate: 0 },
    hosts: Array.from({ length: peers + 1 }, () => ({ ...host, rate: mbit * 1e6 / 8 })),
    kind: `the programs' own limits, on loopback${why}`,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function summary(seconds: number[], bound: number, goals?: Goals): string {
  const sorted = seconds.toSorted((a, b) => a - b);
  const show = (what: keyof Goals, value: number) => {
    const goal = goals ? ` (goal: at most ${goals[what]} x)` : "";
    return `${what} ${value.toFixed(1)} s = ${(value / bound).toFixed(2)} x${goal}`;
  };
  const median = sorted[Math.floor(sorted.length / 2)];
  return `${show("median", median)}, ${show("last", sorted[sorted.length - 1])}`;
}
