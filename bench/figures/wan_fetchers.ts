import { writeRandom } from "../../tests/e2e/world.ts";
import { delay } from "../../src/async/retry.ts";
import { type WanHost, WanNetwork } from "../../tests/support/wan/wan_network.ts";
import { median } from "../measure/interleave.ts";
import { WanSharer } from "../tools/wan_sharer.ts";
import type { WanOptions } from "../wan_options.ts";

const ROUND_TRIP_MS = 100;
/** The up-link that all share, in Mbit/s. */
const MBIT = 100;
/** Bytes that each fetches. */
const SIZE = 2e6;
/** The interval at which is looked how much was sent, in milliseconds. */
const LOOK_MS = 50;
/** The least share of the link, and the most that the slowest takes in place of the median. */
const GOALS = { share: 0.8, slowest: 1.3 };

/**
 * One peer whose link many others share, each from far away and with a file of its own, so that none
 * can have it from another: the share of the link that is used, and how alike they are served.
 */
export async function* wanFetchers({ fetchers }: WanOptions): AsyncGenerator<string> {
  await using stack = new AsyncDisposableStack();
  const scratch = await Deno.makeTempDir({ prefix: "shoal-wan-" });
  stack.defer(() => Deno.remove(scratch, { recursive: true }));
  const access = { up: MBIT, down: 0 };
  const network = stack.use(
    await WanNetwork.open(
      { roundTripMs: ROUND_TRIP_MS },
      Array.from({ length: fetchers + 1 }, () => access),
    ),
  );
  const [sender, ...receivers] = network.hosts;
  const sharer = await WanSharer.start(stack, { host: sender, scratch });
  const original = `${scratch}/original`;
  await Deno.mkdir(original);
  for (const index of receivers.keys()) {
    await writeRandom(`${original}/${index}`, SIZE);
    await sharer.share(`${original}/${index}`);
  }
  const middle = middleOf(sender, fetchers * SIZE);
  middle.catch(() => {}); // it ends with the network
  const seconds = await Promise.all(receivers.map(async (host, index) => {
    const into = await Deno.makeTempDir({ dir: scratch });
    return (await sharer.fetchOn(host, String(index), into)).process;
  }));
  const share = await middle * 8 / 1e6 / MBIT;
  const slowest = Math.max(...seconds) / median(seconds)!;
  yield `fetchers: ${fetchers} at ${ROUND_TRIP_MS} ms, ${
    SIZE / 1e6
  } MB each, from one of ${MBIT} Mbit/s`;
  yield `  ${share.toFixed(2)} of the link (goal: at least ${GOALS.share}); the slowest took ` +
    `${slowest.toFixed(2)} x the median (goal: at most ${GOALS.slowest} x)`;
}

/**
 * The bytes per second that a host sends from a fifth to four fifths of `bytes`: before and after that
 * some fetchers are not begun or done, which says nothing about the one that serves them.
 */
async function middleOf(host: WanHost, bytes: number): Promise<number> {
  const before = await sentBy(host);
  const at = async (share: number) => {
    for (;;) {
      const sent = await sentBy(host) - before;
      if (sent >= share * bytes) return { sent, time: performance.now() };
      await delay(LOOK_MS);
    }
  };
  const [from, to] = [await at(0.2), await at(0.8)];
  return 1_000 * (to.sent - from.sent) / (to.time - from.time);
}

/** The bytes that have left a host by its link. */
async function sentBy({ prefix }: WanHost): Promise<number> {
  const pid = /\/proc\/(\d+)\//.exec(prefix.join(" "))![1];
  const devices = await Deno.readTextFile(`/proc/${pid}/net/dev`);
  return Number(devices.split("wan0:")[1].trim().split(/\s+/)[8]);
}
