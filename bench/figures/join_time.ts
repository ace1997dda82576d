import { meetSender } from "../../src/handover/meet_sender.ts";
import { World } from "../../tests/e2e/world.ts";
import { interrupted } from "../measure/interrupt.ts";
import { addressOf, sendByShoal } from "../tools/handover.ts";

/** Receivers that join one room at once. */
const JOINING = 32;

/** The time that it takes many to get the key in one room; all of them are in this process. */
export async function* joinTime(): AsyncGenerator<string> {
  await using world = await World.create();
  const file = `${world.root}/data`;
  await Deno.writeTextFile(file, "x");
  const { sender, room, secret } = await sendByShoal(file, world.bootstrap, { to: JOINING });
  const bootstraps = [addressOf(world.bootstrap)];
  const started = performance.now();
  await Promise.all(
    Array.from(
      { length: JOINING },
      () => meetSender({ bootstraps, lan: false, room, secret }, interrupted),
    ),
  );
  const ms = performance.now() - started;
  await sender.stop("SIGINT");
  yield `meet: ${JOINING} receivers have the key after ${ms.toFixed(0)} ms (goal: 1000)`;
}
