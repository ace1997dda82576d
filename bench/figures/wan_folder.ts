import { WanNetwork } from "../../tests/support/wan/wan_network.ts";
import { type Contender, interleave, median } from "../measure/interleave.ts";
import { ServerProcess } from "../measure/server_process.ts";
import { findTool, timedRun } from "../measure/timed_run.ts";
import { WanSharer } from "../tools/wan_sharer.ts";
import type { WanOptions } from "../wan_options.ts";
import { writeTree } from "./write_tree.ts";

const PATH = { roundTripMs: 80 };
const MBIT = 100;
const RSYNC_PORT = 8730;

/** A folder of small files over a link with 80 ms, beside rsync from its daemon. */
export async function* wanFolder({ rounds, files }: WanOptions): AsyncGenerator<string> {
  const access = { up: MBIT, down: 0 };
  await using network = await WanNetwork.open(PATH, [access, access]);
  const [sender, receiver] = network.hosts;
  const scratch = await Deno.makeTempDir({ prefix: "shoal-wan-" });
  try {
    const tree = `${scratch}/original/tree`;
    await writeTree(tree, files);
    const rsync: Contender = {
      name: "rsync",
      async start(stack) {
        const program = await findTool("rsync");
        const config = `${scratch}/rsync.conf`;
        const user = "uid = 0\ngid = 0\nuse chroot = no\n";
        await Deno.writeTextFile(config, `${user}[all]\npath = ${scratch}/original\n`);
        const daemon = [program, "--daemon", "--no-detach", `--config=${config}`];
        const where = [`--address=${sender.address}`, `--port=${RSYNC_PORT}`];
        const server = stack.use(new ServerProcess([...sender.prefix, ...daemon, ...where]));
        const url = `rsync://${sender.address}:${RSYNC_PORT}/all/tree`;
        const list = [...receiver.prefix, program, `rsync://${sender.address}:${RSYNC_PORT}/`];
        await server.ready(() => timedRun(list).then(() => true, () => false));
        return async () => {
          const into = await Deno.makeTempDir({ dir: scratch });
          return {
            process: (await timedRun([...receiver.prefix, program, "-a", url, into])).seconds,
          };
        };
      },
    };
    const shoal = (isPrivate: boolean): Contender => ({
      name: isPrivate ? "shoal, private" : "shoal",
      async start(stack) {
        const sharer = await WanSharer.start(stack, { host: sender, scratch, isPrivate });
        await sharer.share(tree);
        return async () => {
          const into = await Deno.makeTempDir({ dir: scratch });
          const sample = await sharer.fetchOn(receiver, "tree", into);
          await timedRun(["diff", "-r", tree, `${into}/tree`]);
          return sample;
        };
      },
    });
    const outcomes = await interleave([rsync, shoal(false), shoal(true)], rounds);
    yield `folder: ${files} files of 4 KiB, ${MBIT} Mbit/s, ${PATH.roundTripMs} ms`;
    const theirs = median(outcomes[0].samples.map((sample) => sample.process));
    for (const { contender, samples, problem } of outcomes) {
      const seconds = median(samples.map((sample) => sample.process));
      if (seconds === undefined) {
        yield `  ${contender.name}: ${problem}`;
        continue;
      }
      const times = theirs && contender !== outcomes[0].contender
        ? ` = ${(seconds / theirs).toFixed(2)} x rsync (goal: at most 1.00 x)`
        : "";
      yield `  ${contender.name}: ${seconds.toFixed(2)} s${times}`;
    }
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}
