import { sameFiles, World, writeRandom } from "../../tests/e2e/world.ts";
import type { CodesOptions } from "../codes_options.ts";
import { Room } from "../measure/room.ts";
import { NotInstalled } from "../measure/timed_run.ts";
import { bytesSent, sendByShoal } from "../tools/handover.ts";
import { Wormhole } from "../tools/wormhole.ts";

/** Bytes of the file, and per second of the sender's link. */
const SIZE = 24 * 2 ** 20;
const UP = 4 * 2 ** 20;

/** Many receivers of one sender with a limit; then each from magic-wormhole, one after another. */
export async function* manyReceivers({ receivers }: CodesOptions): AsyncGenerator<string> {
  await using room = await Room.open((receivers + 3) * SIZE);
  await using world = await World.create();
  const file = `${world.root}/data`;
  await writeRandom(file, SIZE);
  yield `many: ${receivers} receivers, ${SIZE / 2 ** 20} MiB, the sender at ${UP / 2 ** 20} MiB/s`;
  const args = ["--limit-up", `${UP}`];
  const { sender, receive } = await sendByShoal(file, world.bootstrap, { to: receivers, args });
  const started = performance.now();
  const folders = await Promise.all(
    Array.from({ length: receivers }, (_, n) => world.folder(`to${n}`)),
  );
  await Promise.all(folders.map(receive));
  const sent = await bytesSent(sender);
  const seconds = (performance.now() - started) / 1_000;
  for (const folder of folders) {
    if (!await sameFiles(file, `${folder}/data`)) throw new Error("what was received differs");
  }
  const bound = SIZE / UP;
  yield `  shoal: all have it after ${seconds.toFixed(1)} s = ` +
    `${(seconds / bound).toFixed(2)} x the bound (goal: 1.3 x)`;
  yield `  copies that left the sender: ${(sent / SIZE).toFixed(2)} (goal: 1.2)`;
  yield* unlimited(world, file, receivers, room.path);
}

/** Both without a limit, start to exit. */
async function* unlimited(
  world: World,
  file: string,
  receivers: number,
  scratch: string,
): AsyncGenerator<string> {
  const started = performance.now();
  const { sender, receive } = await sendByShoal(file, world.bootstrap, { to: receivers });
  const folders = await Promise.all(
    Array.from({ length: receivers }, (_, n) => world.folder(`free${n}`)),
  );
  await Promise.all([...folders.map(receive), bytesSent(sender)]);
  const ours = (performance.now() - started) / 1_000;
  try {
    await using wormhole = await Wormhole.start(scratch);
    let theirs = 0;
    for (let n = 0; n < receivers; n++) {
      theirs += await wormhole.transfer(file, `${world.root}/theirs`);
      await Deno.remove(`${world.root}/theirs`);
    }
    yield `  without a limit: shoal ${ours.toFixed(1)} s, magic-wormhole to each ` +
      `${theirs.toFixed(1)} s: ${(theirs / ours).toFixed(1)} x (goal: 5 x)`;
  } catch (error) {
    if (!(error instanceof NotInstalled)) throw error;
    yield `  without a limit: shoal ${ours.toFixed(1)} s; ${error.message}`;
  }
}
