import type { Receipt } from "../../src/peer/api/peer_api.ts";
import { Program } from "../../tests/e2e/program.ts";
import { sameFiles } from "../../tests/e2e/world.ts";
import type { Host } from "../netns.ts";
import type { SwarmFetcher } from "./swarm_fetcher.ts";

interface Peer {
  host: Host;
  dir: string;
  program: Program;
  /** HOST:PORT by which it is listed. */
  address: string;
}

/** Running peers, all told in their shells to fetch at the same time; each serves what it has so far. */
export const shoalSwarm: SwarmFetcher = {
  name: "shoal",
  ours: true,
  async spread({ meeting, hosts, original, scratch }) {
    await using stack = new AsyncDisposableStack();
    const bootstrap = new Program(["bootstrap", "--port", "0"], { prefix: meeting.prefix });
    stack.use(bootstrap);
    const [, port] = await bootstrap.sees(/Bootstrap listening on \S+:(\d+)\n/);
    const [seeder, ...peers] = await Promise.all(hosts.map(async (host, index) => {
      const peer = await startPeer(host, `${scratch}/${index}`, `${meeting.address}:${port}`);
      stack.use(peer.program);
      return peer;
    }));
    const path = `${original.folder}/${original.name}`;
    await tell(seeder, ["share", path], /^\[\{.*\}\]\n/m);
    const finishes = await Promise.all(peers.map((peer) => fetchOn(peer, original.name)));
    for (const { dir } of peers) {
      if (!await sameFiles(path, `${dir}/${original.name}`)) throw new Error(`${dir} differs`);
    }
    const sources = finishes.flatMap(({ receipt }) => receipt.sources);
    const sent = sources.filter(({ address }) => address === seeder.address)
      .reduce((sum, { bytes }) => sum + bytes, 0);
    const again = finishes.reduce((sum, { receipt }) => sum + receipt.chunks.refetched, 0);
    const used = sources.filter(({ bytes }) => bytes > 0).length / peers.length;
    return {
      seconds: finishes.map(({ seconds }) => seconds),
      notes: [
        `the seeder sent ${(sent / finishes[0].receipt.size).toFixed(2)} copies`,
        `a peer fetched from ${used.toFixed(1)} others; ${again} chunks were wrong`,
      ],
    };
  },
};

async function startPeer(host: Host, dir: string, bootstrap: string): Promise<Peer> {
  await Deno.mkdir(dir);
  const limits = host.rate > 0
    ? ["--limit-up", String(host.rate), "--limit-down", String(host.rate)]
    : [];
  const args = ["peer", "0", "--dir", dir, "--bootstrap", bootstrap, ...limits];
  const program = new Program(args, { prefix: host.prefix, stdin: "open" });
  const [, port] = await program.sees(/listening on \S+:(\d+), sharing/);
  await program.sees(/registered with/);
  return { host, dir, program, address: `${host.address}:${port}` };
}

/** The clock runs from the command to what it prints at its end. */
async function fetchOn(peer: Peer, name: string): Promise<{ seconds: number; receipt: Receipt }> {
  const started = performance.now();
  const line = await tell(peer, ["get", name], /^\{"event":"done".*\}\n/m);
  return { seconds: (performance.now() - started) / 1000, receipt: JSON.parse(line) };
}

/**
 * Has a peer do something; the line that it prints then. Nothing is started for that: as many programs
 * at once as there are peers would have to share this machine's cores.
 */
async function tell({ program }: Peer, words: string[], wanted: RegExp): Promise<string> {
  await program.type([...words.map((word) => `"${word}"`), "--json"].join(" "));
  const [line] = await program.sees(new RegExp(`${wanted.source}|^\\{"error".*\\}\\n`, "m"));
  if (line.startsWith('{"error"')) throw new Error(`${words[0]}: ${line}`);
  return line;
}
