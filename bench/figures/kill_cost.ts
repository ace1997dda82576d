import { killAgainAndAgain } from "../../tests/chaos/killed_download.ts";
import { sharer, worldWithData } from "../../tests/chaos/setting.ts";
import { median } from "../measure/interleave.ts";
import type { SwarmOptions } from "../swarm_options.ts";

const MIB = 1 << 20;
const SIZE = 512 * MIB;

/** The bytes to fetch again when one download is killed at random moments. */
export async function* killCost({ kills }: SwarmOptions): AsyncGenerator<string> {
  await using world = await worldWithData(SIZE);
  const source = await sharer(world, "source");
  const dir = await world.folder("getter");
  yield `kills: ${kills} random ones of a download of ${SIZE / MIB} MiB, from an unlimited source`;
  const costs = await killAgainAndAgain(world, { source, dir, size: SIZE, kills });
  const costly = costs.filter((bytes) => bytes > 0);
  const show = (bytes = 0) => `${(bytes / MIB).toFixed(1)} MiB`;
  yield `  ${kills - costly.length} cost nothing; of the others the median ${show(median(costly))}`;
  yield `  the most ${
    show(Math.max(...costs))
  } (goal: at most 64 MiB); the bytes were right each time`;
}
