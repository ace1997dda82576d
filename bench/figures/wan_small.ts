import { writeRandom } from "../../tests/e2e/world.ts";
import { WanNetwork } from "../../tests/support/wan/wan_network.ts";
import { type Contender, interleave, median } from "../measure/interleave.ts";
import { WanSharer } from "../tools/wan_sharer.ts";
import type { WanOptions } from "../wan_options.ts";

const ROUND_TRIP_MS = 80;
const SIZE = 1_000;
const NAME = "small.bin";
/** The most round trips that a small file should take. */
const GOALS = { open: 5, private: 7 };

/**
 * The number of round trips for a small file: what 80 ms add, from the start of the program to its
 * exit.
 */
export async function* wanSmall({ rounds }: WanOptions): AsyncGenerator<string> {
  await using stack = new AsyncDisposableStack();
  const scratch = await Deno.makeTempDir({ prefix: "shoal-wan-" });
  stack.defer(() => Deno.remove(scratch, { recursive: true }));
  await writeRandom(`${scratch}/${NAME}`, SIZE);
  const contenders: Contender[] = [];
  for (const roundTripMs of [0, ROUND_TRIP_MS]) {
    const network = stack.use(
      await WanNetwork.open({ roundTripMs }, [{ up: 100, down: 0 }, { up: 100, down: 0 }]),
    );
    const [sender, receiver] = network.hosts;
    for (const isPrivate of [false, true]) {
      contenders.push({
        name: `${isPrivate ? "private" : "open"}, ${roundTripMs} ms`,
        async start(inner) {
          const sharer = await WanSharer.start(inner, { host: sender, scratch, isPrivate });
          await sharer.share(`${scratch}/${NAME}`);
          return async () => {
            const into = await Deno.makeTempDir({ dir: scratch });
            return await sharer.fetchOn(receiver, NAME, into);
          };
        },
      });
    }
  }
  const outcomes = await interleave(contenders, 3 * rounds);
  const [open, closed, openFar, closedFar] = outcomes.map(({ samples, problem }) => {
    if (problem) throw new Error(problem);
    return median(samples.map((sample) => sample.process))!;
  });
  const line = (what: keyof typeof GOALS, near: number, far: number) => {
    const trips = (far - near) / (ROUND_TRIP_MS / 1_000);
    return `small: 1 KB, ${what} swarm: ${trips.toFixed(1)} round trips of ${ROUND_TRIP_MS} ms ` +
      `(${far.toFixed(2)} s, ${near.toFixed(2)} s without; goal: at most ${GOALS[what]})`;
  };
  yield line("open", open, openFar);
  yield line("private", closed, closedFar);
}
