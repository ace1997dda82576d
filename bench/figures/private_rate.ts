import { World, writeRandom } from "../../tests/e2e/world.ts";
import { interleave } from "../measure/interleave.ts";
import { rateRows, type Row } from "../measure/row.ts";
import type { BenchOptions } from "../options.ts";
import { shoalGet } from "../tools/shoal.ts";
import { contenderOf } from "./get_rate.ts";

const NAME = "file.bin";

/** The rate at which a file comes from one peer in a private swarm, and in an open one. */
export async function privateRate({ size, rounds }: BenchOptions): Promise<Row[]> {
  await using closed = await World.create({ isPrivate: true });
  await using open = await World.create();
  const contenders = [];
  const source = `${await closed.folder("source")}/${NAME}`;
  await writeRandom(source, size);
  for (const world of [closed, open]) {
    const sharer = await world.peer("sharer");
    // There is room for one original and one copy.
    await Deno.link(source, `${sharer.dir}/${NAME}`);
    const fetcher = shoalGet(world, sharer, {
      name: world.swarmKey ? "get: shoal, in a private swarm" : "get: shoal, in an open swarm",
      goal: world.swarmKey ? undefined : "at least 0.6 x",
    });
    const scratch = await world.folder("scratch");
    contenders.push(contenderOf(fetcher, { folder: sharer.dir, name: NAME, size, scratch }));
  }
  return rateRows(await interleave(contenders, rounds), size);
}
