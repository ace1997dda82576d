import { Homes, pathOf } from "../../tests/chaos/homes.ts";
import { NATS } from "../../tests/support/wan/nat_network.ts";
import type { ReachBenchOptions } from "../reach_options.ts";
import { startSeconds } from "./reach_start.ts";

const SIZE = 200_000;
/** Seconds to the first byte that each path should take at most, start of the program included. */
const GOALS: Record<string, number> = { punched: 1.5, relayed: 2 };

/** Has a file fetched across each pair of routers. Each cell has the path, and seconds to the first byte. */
export async function* reachMatrix(
  { roundTripMs, isPrivate }: ReachBenchOptions,
): AsyncGenerator<string> {
  const start = await startSeconds();
  yield `matrix: rows share, columns fetch; ${roundTripMs} ms between any two; seconds from the ` +
    `start of \`get\` to the first byte, of which ${start.toFixed(2)} are the program's own start`;
  yield ["", ...NATS].map((cell) => cell.padEnd(16)).join("");
  const slowest = new Map<string, number>();
  let delivered = 0;
  for (const sharer of NATS) {
    const cells: string[] = [];
    for (const fetcher of NATS) {
      await using homes = await Homes.open(sharer, fetcher, {
        ...{ roundTripMs, isPrivate, size: SIZE, relay: "100M", fromSource: true },
      });
      const fetched = await homes.get();
      const { firstByte: seconds = 0 } = fetched;
      const path = pathOf(fetched);
      if (fetched.code === 0) {
        delivered++;
        slowest.set(path, Math.max(slowest.get(path) ?? 0, seconds));
        cells.push(`${path} ${seconds.toFixed(2)}`);
      } else cells.push(`FAILED ${fetched.code}`);
    }
    yield [sharer, ...cells].map((cell) => cell.padEnd(16)).join("");
  }
  yield `matrix: ${delivered} of ${NATS.length ** 2} cells delivered (goal: all)`;
  for (const [path, seconds] of slowest) {
    const goal = GOALS[path] ? `; goal: at most ${GOALS[path]}` : "";
    yield `matrix: first byte, ${path}: at most ${seconds.toFixed(2)} s${goal}`;
  }
}
