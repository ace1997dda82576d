import { WanNetwork } from "../../tests/support/wan/wan_network.ts";
import type { WanOptions } from "../wan_options.ts";
import { spreadBoth, swarmBound } from "./swarm_time.ts";

/** Most that a figure of ours may be, as a multiple of the bound. */
const GOALS = { median: 1.25, last: 1.5 };

/**
 * The time of a swarm against its bound where each peer has a slow link and a round trip takes
 * long.
 */
export async function* wanSwarm({ swarm }: WanOptions): AsyncGenerator<string> {
  const { peers, mbit, roundTripMs, size } = swarm;
  const access = { up: mbit, down: mbit };
  const links = [{ up: 0, down: 0 }, ...Array.from({ length: peers + 1 }, () => access)];
  await using network = await WanNetwork.open({ roundTripMs, bufferMs: 100 }, links);
  const [meeting, ...hosts] = network.hosts;
  const bound = swarmBound({ peers, size, mbit });
  const link = `${mbit} Mbit/s both ways, ${roundTripMs} ms`;
  yield `swarm: ${peers} peers, ${size / 1e6} MB, ${link}: the bound is ${bound.toFixed(1)} s`;
  yield* spreadBoth({ meeting, hosts }, { size, bound, goals: GOALS });
}
