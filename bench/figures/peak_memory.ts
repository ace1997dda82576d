import { type Peer, sameFiles, World, writeRandom } from "../../tests/e2e/world.ts";
import { formatSize } from "../../src/cli/units.ts";
import type { Row } from "../measure/row.ts";
import { timedRun } from "../measure/timed_run.ts";
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
  if (Deno.build.os !== "linux") return { ...row, problem: "not told by this system" };
  return { ...row, reported: await highWaterMark(program.pid) };
}

/** The largest resident set of a process so far, in bytes. Only another process may read it. */
async function highWaterMark(pid: number): Promise<number> {
  const { stdout } = await timedRun(["grep", "VmHWM", `/proc/${pid}/status`]);
  const kib = stdout.match(/(\d+) kB/)?.[1];
  if (kib === undefined) throw new Error(`Cannot read the memory of process ${pid}: ${stdout}`);
  return Number(kib) * 1024;
}
