import { sameFiles, World, writeRandom } from "../../tests/e2e/world.ts";
import type { CodesOptions } from "../codes_options.ts";
import { Room } from "../measure/room.ts";
import { NotInstalled } from "../measure/timed_run.ts";
import { bytesSent, sendByShoal } from "../tools/handover.ts";
import { Wormhole } from "../tools/wormhole.ts";

/** One receiver: from the sender's start to the end of both, in turn with magic-wormhole. */
export async function* oneReceiver({ size, runs }: CodesOptions): AsyncGenerator<string> {
  await using room = await Room.open(3 * size);
  await using world = await World.create();
  const file = `${world.root}/data`;
  await writeRandom(file, size);
  yield `one receiver: ${size / 2 ** 20} MiB, on ${room.kind}`;
  await using wormhole = await Wormhole.start(room.path).catch((error) => {
    if (error instanceof NotInstalled) return undefined;
    throw error;
  });
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let run = 0; run < runs; run++) {
    const folder = await world.folder(`to${run}`);
    const started = performance.now();
    const { sender, receive } = await sendByShoal(file, world.bootstrap);
    await Promise.all([receive(folder), bytesSent(sender)]);
    ours.push((performance.now() - started) / 1_000);
    if (!await sameFiles(file, `${folder}/data`)) throw new Error("what was received differs");
    await Deno.remove(folder, { recursive: true });
    if (!wormhole) continue;
    theirs.push(await wormhole.transfer(file, `${world.root}/theirs`));
    await Deno.remove(`${world.root}/theirs`);
  }
  yield `  shoal           ${show(ours)}`;
  if (!wormhole) return yield "  magic-wormhole  not measured: it or its mailbox server is missing";
  const ratio = median(theirs) / median(ours);
  yield `  magic-wormhole  ${show(theirs)}: shoal is ${ratio.toFixed(1)} x faster (goal: 2 x)`;
}

function show(seconds: number[]): string {
  return `${median(seconds).toFixed(2)} s (${seconds.map((one) => one.toFixed(2)).join(", ")})`;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
