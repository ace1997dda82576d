import { World } from "../../tests/e2e/world.ts";
import { type Contender, interleave, type Sample } from "../measure/interleave.ts";
import { durationRow, fileRows, type Row } from "../measure/row.ts";
import { findTool, timedRun } from "../measure/timed_run.ts";
import type { BenchOptions } from "../options.ts";
import { serveFolder } from "../tools/rclone.ts";
import { getFile, shareFile } from "../tools/shoal.ts";
import { writeTree } from "./write_tree.ts";

/**
 * The rates at which a tree of small files is fetched and shared, and at which other tools copy it
 * on this machine.
 */
export async function folderRate({ files, rounds }: BenchOptions): Promise<Row[]> {
  await using world = await World.create();
  const sharer = await world.peer("sharer");
  const tree = `${sharer.dir}/tree`;
  await writeTree(tree, files);
  await shareFile(world, sharer.dir, tree);
  const scratch = await world.folder("scratch");
  const fetchers = [shoalGet(world, tree, scratch), rsync(tree, scratch), rclone(tree, scratch)];
  const fetched = await interleave(fetchers, rounds);
  const shared = await interleave([shoalShare(world, tree, scratch)], rounds);
  const again = await interleave([shareAgain(world, sharer.dir, tree), getAgain(world)], rounds);
  return [...fileRows(fetched, files), ...fileRows(shared, files), ...again.map(durationRow)];
}

function shoalGet(world: World, tree: string, scratch: string): Contender {
  return {
    name: "folder: shoal get, verified and synced",
    goal: "at least 3,000 files/s",
    start() {
      const turn = () => inNewFolder(scratch, tree, (dir) => getFile(world, dir, "tree"));
      return Promise.resolve(turn);
    },
  };
}

function rsync(tree: string, scratch: string): Contender {
  return {
    name: "folder: rsync -a",
    async start() {
      const program = await findTool("rsync");
      return () =>
        inNewFolder(scratch, tree, async (dir) => ({
          process: (await timedRun([program, "-a", tree, dir])).seconds,
        }));
    },
  };
}

function rclone(tree: string, scratch: string): Contender {
  return {
    name: "folder: rclone copy, HTTP, unverified",
    async start(stack) {
      const copy = await serveFolder(tree, stack);
      return () =>
        inNewFolder(scratch, tree, async (dir) => ({ process: await copy("", `${dir}/tree`) }));
    },
  };
}

/** A peer of its own in a new folder, which has no hash cache yet. */
function shoalShare(world: World, tree: string, scratch: string): Contender {
  return {
    name: "folder: shoal share, new to its hash cache",
    start() {
      const turn = () => inNewFolder(scratch, undefined, (dir) => shareFile(world, dir, tree));
      return Promise.resolve(turn);
    },
  };
}

function shareAgain(world: World, dir: string, tree: string): Contender {
  return {
    name: "folder: shoal share again, unchanged",
    start: () => Promise.resolve(() => shareFile(world, dir, tree)),
  };
}

function getAgain(world: World): Contender {
  return {
    name: "folder: shoal get again, up to date",
    async start() {
      const dir = await world.folder("again");
      await getFile(world, dir, "tree");
      return () => getFile(world, dir, "tree");
    },
  };
}

/** Takes a turn in a folder that then goes; what it made of the tree is compared. */
async function inNewFolder(
  scratch: string,
  tree: string | undefined,
  turn: (dir: string) => Promise<Sample>,
): Promise<Sample> {
  const dir = await Deno.makeTempDir({ dir: scratch });
  try {
    const sample = await turn(dir);
    if (tree !== undefined) await timedRun(["diff", "-r", tree, `${dir}/tree`]);
    return sample;
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}
