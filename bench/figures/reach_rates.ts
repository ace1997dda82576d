import { type Fetched, Homes, pathOf } from "../../tests/chaos/homes.ts";
import type { Nat } from "../../tests/support/wan/nat_network.ts";
import { cpuSeconds } from "../measure/cpu_time.ts";
import type { ReachBenchOptions } from "../reach_options.ts";

const PAIRS: [Nat, Nat][] = [["none", "none"], ["port", "none"], ["port", "port"], [
  "symmetric",
  "symmetric",
]];
/** The share of the slower link that a relay should carry at least. */
const RELAY_GOAL = 0.8;

/** The rate over each path, as a share of the link, and the processor time of the relay. */
export async function* reachRates(
  { roundTripMs, mbit, size, isPrivate }: ReachBenchOptions,
): AsyncGenerator<string> {
  let direct = 0;
  for (const [sharer, fetcher] of PAIRS) {
    await using homes = await Homes.open(sharer, fetcher, {
      ...{ roundTripMs, mbit, size, isPrivate, relay: "1G", fromSource: true },
    });
    const before = await cpuSeconds([homes.bootstrap.pid]);
    const fetched = await homes.get();
    const spent = await cpuSeconds([homes.bootstrap.pid]) - before;
    const path = pathOf(fetched);
    const share = shareOf(fetched, size, mbit);
    direct ||= share;
    const goal = path === "relayed"
      ? `; goal: at least ${RELAY_GOAL} of the slower link`
      : `; ${(share / direct).toFixed(2)} x direct, goal: 1`;
    yield `rates: ${path}: ${share.toFixed(2)} of ${mbit} Mbit/s with ${roundTripMs} ms${goal}`;
    if (path !== "relayed") continue;
    const each = spent / (size / 2 ** 30);
    yield `rates: a relay takes ${each.toFixed(1)} processor seconds for a GiB`;
  }
}

/** The share of a link that was used from the first byte on. */
function shareOf({ firstByte, seconds, told }: Fetched, size: number, mbit: number): number {
  if (firstByte === undefined) throw new Error(told);
  return size * 8 / 1e6 / (seconds - firstByte) / mbit;
}
