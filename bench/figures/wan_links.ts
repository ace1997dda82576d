import { formatTable } from "../../src/cli/output/table.ts";
import { sameFiles, writeRandom } from "../../tests/e2e/world.ts";
import { type WanHost, WanNetwork, type WanPath } from "../../tests/support/wan/wan_network.ts";
import { type Contender, interleave, median, type Outcome } from "../measure/interleave.ts";
import { Nginx } from "../tools/curl.ts";
import { findTool, timedRun } from "../measure/timed_run.ts";
import { fetchOnce } from "../tools/libtorrent_swarm.ts";
import { WanSharer } from "../tools/wan_sharer.ts";
import type { WanOptions } from "../wan_options.ts";

const NAME = "file.bin";
/** Most that curl may take, in milliseconds: what a link with much loss needs. */
const LIMIT_MS = 240_000;

interface Link extends WanPath {
  mbit: number;
  /** Bytes of the file. */
  size: number;
}

/** Links as people have them: cable, fibre, radio, a far continent; and one that hardly works. */
const LINKS: Link[] = [
  { mbit: 100, roundTripMs: 80, size: 50e6 },
  { mbit: 200, roundTripMs: 80, lossPercent: 0.1, size: 60e6 },
  { mbit: 50, roundTripMs: 200, lossPercent: 0.5, size: 8e6 },
  { mbit: 400, roundTripMs: 20, size: 200e6 },
  { mbit: 0.5, roundTripMs: 600, lossPercent: 2, size: 300e3 },
];

const LEGEND =
  `Shares of the link, medians, from the start of the program to its exit (libtorrent: from
its first connection). The last column is Shoal's rate over curl's; the goal is 1.00, privately 0.95.`;

/** One file over one link, by one tool after the other. */
export async function* wanLinks({ rounds, only }: WanOptions): AsyncGenerator<string> {
  const rows: string[][] = [];
  for (const [index, link] of LINKS.entries()) {
    if (only > 0 && only !== index + 1) continue;
    rows.push(await measure(link, rounds));
  }
  yield await formatTable(
    ["LINK", "CURL", "LIBTORRENT", "SHOAL", "PRIVATE", "SHOAL/CURL", "PRIVATE/CURL"],
    rows,
  );
  yield LEGEND;
}

async function measure(link: Link, rounds: number): Promise<string[]> {
  const access = { up: link.mbit, down: 0 };
  await using network = await WanNetwork.open(link, [access, access]);
  const [sender, receiver] = network.hosts;
  const scratch = await Deno.makeTempDir({ prefix: "shoal-wan-" });
  try {
    const folder = `${scratch}/original`;
    await Deno.mkdir(folder);
    await writeRandom(`${folder}/${NAME}`, link.size);
    const setting = { sender, receiver, folder, scratch };
    const contenders = [
      curl(setting),
      libtorrent(setting),
      shoal(setting, false),
      shoal(setting, true),
    ];
    const outcomes = await interleave(contenders, rounds);
    const shares = outcomes.map((outcome) => shareOf(outcome, link));
    const [first, , open, closed] = shares;
    const { mbit, roundTripMs, lossPercent = 0, size } = link;
    const loss = lossPercent > 0 ? `, ${lossPercent} % loss` : "";
    return [
      `${mbit} Mbit/s, ${roundTripMs} ms${loss}, ${size / 1e6} MB`,
      ...shares.map((share, index) =>
        typeof share === "number" ? share.toFixed(2) : outcomes[index].problem ?? "none"
      ),
      ratio(open, first),
      ratio(closed, first),
    ];
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

/** The share of the link that the median turn used; undefined if there was none. */
function shareOf({ samples }: Outcome, { mbit, size }: Link): number | undefined {
  const seconds = median(samples.map((sample) => sample.process));
  return seconds && size * 8 / 1e6 / seconds / mbit;
}

function ratio(share: number | undefined, of: number | undefined): string {
  return share && of ? (share / of).toFixed(2) : "";
}

interface Setting {
  sender: WanHost;
  receiver: WanHost;
  /** The folder of the file. */
  folder: string;
  scratch: string;
}

function curl({ sender, receiver, folder, scratch }: Setting): Contender {
  return {
    name: "curl",
    async start(stack) {
      const { url } = stack.use(
        await Nginx.start({ folder, name: NAME, scratch }, sender),
      );
      const words = [await findTool("curl"), "--silent", "--fail", "--noproxy", "*"];
      const output = `${scratch}/curl`;
      return async () => {
        const command = [...receiver.prefix, ...words, "--output", output, url];
        return { process: (await timedRun(command, LIMIT_MS)).seconds };
      };
    },
  };
}

function libtorrent({ sender, receiver, folder, scratch }: Setting): Contender {
  return {
    name: "libtorrent",
    async start(stack) {
      const fetch = await fetchOnce(stack, { sender, folder, name: NAME, scratch });
      return async () => {
        const into = await Deno.makeTempDir({ dir: scratch });
        return { process: await fetch(receiver, into) };
      };
    },
  };
}

function shoal({ sender, receiver, folder, scratch }: Setting, isPrivate: boolean): Contender {
  return {
    name: isPrivate ? "shoal, private" : "shoal",
    async start(stack) {
      const sharer = await WanSharer.start(stack, { host: sender, scratch, isPrivate });
      await sharer.share(`${folder}/${NAME}`);
      return async () => {
        const into = await Deno.makeTempDir({ dir: scratch });
        const sample = await sharer.fetchOn(receiver, NAME, into);
        if (!await sameFiles(`${folder}/${NAME}`, `${into}/${NAME}`)) throw new Error("it differs");
        await Deno.remove(into, { recursive: true });
        return sample;
      };
    },
  };
}
