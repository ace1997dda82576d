import { type Peer, sameFiles, World, writeRandom } from "../../tests/e2e/world.ts";
import { highWaterMark } from "../../tests/support/high_water_mark.ts";
import { formatSize } from "../../src/cli/output/units.ts";
import type { Row } from "../measure/row.ts";
import type { BenchOptions } from "../options.ts";
import { getFile, shareFile } from "../tools/shoal.ts";

const NAME = "big.bin";
const GOAL = "at most 150 MB";

/** The most memory that two running peers ever took: one hashes and serves a file, one fetches it. */
export async function peakMemory({ big }: BenchOptions): Promise<Row[]> {
  await using world = await World.create();
  const sharer = await world.peer("sharer");
  const fetcher = await world.peer("fetcher");
  const [original, copy] = [`${sharer.dir}/${NAME}`, `${fetcher.dir}/${NAME}`];
  await writeRandom(original, big);
  console.error(`memory: a file of ${formatSize(big)}`);
  await shareFile(world, sharer.dir, original);
  await getFile(world, fetcher.dir, NAME);
  if (!await sameFiles(original, copy)) throw new Error(`the fetched ${NAME} differs`);
  return [await memoryRow("sharer", sharer, big), await memoryRow("fetcher", fetcher, big)];
}

async function memoryRow(role: string, { program }: Peer, size: number): Promise<Row> {
  const figure = `peak memory: ${role} of ${formatSize(size)}`;
  const row: Row = { figure, unit: "bytes", goal: GOAL };
  const reported = await highWaterMark(program.pid);
  return reported === undefined
    ? { ...row, problem: "not told by this system" }
    : { ...row, reported };
}
