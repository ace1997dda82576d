import { sameFiles, World, writeRandom } from "../../tests/e2e/world.ts";
import { type Contender, interleave } from "../measure/interleave.ts";
import { durationRow, type Row } from "../measure/row.ts";
import type { BenchOptions } from "../options.ts";
import { getFile, runShoal, shareFile } from "../tools/shoal.ts";

const NAME = "small.bin";
const SIZE = 1024;

/** The time to wait for when there is next to nothing to do. */
export async function startTime({ starts }: BenchOptions): Promise<Row[]> {
  await using world = await World.create();
  return (await interleave([version, getSmall(world)], starts)).map(durationRow);
}

const version: Contender = {
  name: "start: shoal --version",
  goal: "under 100 ms (binary)",
  start: () => Promise.resolve(async () => ({ process: (await runShoal("--version")).seconds })),
};

/** A one-shot fetch into a new folder. */
function getSmall(world: World): Contender {
  return {
    name: "start: shoal get of 1 KiB",
    goal: "under 400 ms",
    async start() {
      const sharer = await world.peer("sharer");
      const original = `${sharer.dir}/${NAME}`;
      await writeRandom(original, SIZE);
      await shareFile(world, sharer.dir, original);
      const root = await world.folder("fetched");
      return async () => {
        const dir = await Deno.makeTempDir({ dir: root });
        const sample = await getFile(world, dir, NAME);
        if (!await sameFiles(original, `${dir}/${NAME}`)) {
          throw new Error(`the fetched ${NAME} differs`);
        }
        return sample;
      };
    },
  };
}
