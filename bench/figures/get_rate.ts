import { sameFiles, World, writeRandom } from "../../tests/e2e/world.ts";
import { type Contender, interleave } from "../measure/interleave.ts";
import { rateRows, type Row } from "../measure/row.ts";
import type { BenchOptions } from "../options.ts";
import { aria2 } from "../tools/aria2.ts";
import { curl, curlAndSum } from "../tools/curl.ts";
import type { Fetcher, Original } from "../tools/fetcher.ts";
import { libtorrent } from "../tools/libtorrent.ts";
import { rclone } from "../tools/rclone.ts";
import { shoalGet } from "../tools/shoal.ts";

/** The rate at which a file comes from one peer, and by other means. */
export async function getRate({ size, rounds }: BenchOptions): Promise<Row[]> {
  await using world = await World.create();
  const sharer = await world.peer("sharer");
  const original = {
    folder: sharer.dir,
    name: "file.bin",
    size,
    scratch: await world.folder("scratch"),
  };
  await writeRandom(`${original.folder}/${original.name}`, size);
  const fetchers = [shoalGet(world, sharer), curl, curlAndSum, rclone, aria2, libtorrent];
  const contenders = fetchers.map((fetcher) => contenderOf(fetcher, original));
  return rateRows(await interleave(contenders, rounds), size);
}

/** Each turn fetches into a new folder, which then goes; the first copy is compared. */
export function contenderOf(fetcher: Fetcher, original: Original): Contender {
  let compared = false;
  return {
    name: fetcher.name,
    goal: fetcher.goal,
    async start(stack) {
      const fetch = await fetcher.start(original, stack);
      return async () => {
        const into = await Deno.makeTempDir({ dir: original.scratch, prefix: "into-" });
        try {
          const sample = await fetch(into);
          if (!compared) await compare(original, into);
          compared = true;
          return sample;
        } finally {
          await Deno.remove(into, { recursive: true });
        }
      };
    },
  };
}

async function compare({ folder, name }: Original, into: string): Promise<void> {
  if (await sameFiles(`${folder}/${name}`, `${into}/${name}`)) return;
  throw new Error(`the fetched ${name} differs`);
}
