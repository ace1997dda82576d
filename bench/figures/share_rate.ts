import { World, writeRandom } from "../../tests/e2e/world.ts";
import { type Contender, interleave } from "../measure/interleave.ts";
import { durationRow, rateRows, type Row } from "../measure/row.ts";
import { findTool, timedRun } from "../measure/timed_run.ts";
import type { BenchOptions } from "../options.ts";
import { shareFile } from "../tools/shoal.ts";

/** The rate at which a new file is shared, beside a plain digest; and a known one. */
export async function shareRate({ size, rounds }: BenchOptions): Promise<Row[]> {
  await using world = await World.create();
  const path = `${await world.folder("data")}/file.bin`;
  await writeRandom(path, size);
  const cold = [shareAlone(world, path), digest(path), shareByPeer(world, path)];
  const outcomes = await interleave(cold, rounds);
  const again = await interleave([shareAgain(world, path)], rounds);
  const [alone, openssl, byPeer] = rateRows(outcomes, size);
  // Its ratio would be to the line above it, not to another tool.
  delete byPeer.ratio_reported;
  delete byPeer.ratio_process;
  return [alone, openssl, byPeer, ...again.map(durationRow)];
}

/** A peer of its own in a new folder, which has no hash cache yet. */
function shareAlone(world: World, path: string): Contender {
  return {
    name: "share: shoal, new to its hash cache",
    async start() {
      const root = await world.folder("alone");
      return async () => {
        const dir = await Deno.makeTempDir({ dir: root });
        return await shareFile(world, dir, path);
      };
    },
  };
}

/** A running peer; a new modification time makes it hash again. */
function shareByPeer(world: World, path: string): Contender {
  return {
    name: "share: shoal, by a running peer",
    async start() {
      const { dir } = await world.peer("sharer");
      return async () => {
        await Deno.utime(path, new Date(), new Date());
        return await shareFile(world, dir, path);
      };
    },
  };
}

function digest(path: string): Contender {
  return {
    name: "share: openssl dgst -sha256",
    goal: "at least 1.0 x",
    async start() {
      const program = await findTool("openssl");
      return async () => ({
        process: (await timedRun([program, "dgst", "-sha256", path])).seconds,
      });
    },
  };
}

/** A peer of its own in a folder that knows the file. */
function shareAgain(world: World, path: string): Contender {
  return {
    name: "share again: shoal, unchanged file",
    goal: "under 50 ms",
    async start() {
      const dir = await world.folder("again");
      await shareFile(world, dir, path);
      return () => shareFile(world, dir, path);
    },
  };
}
