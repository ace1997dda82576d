/**
 * The figures of a swarm: its time against the bound, the gain by each source, the cost of crashes,
 * the accuracy of limits. Goals are printed, not asserted.
 */
import { killCost } from "./figures/kill_cost.ts";
import { limitAccuracy } from "./figures/limit_accuracy.ts";
import { secondSource } from "./figures/second_source.ts";
import { swarmTime } from "./figures/swarm_time.ts";
import { interrupted, listenForInterrupts } from "./measure/interrupt.ts";
import { parseSwarmOptions, USAGE } from "./swarm_options.ts";

const TAKE = { swarm: swarmTime, sources: secondSource, kills: killCost, limits: limitAccuracy };

async function main(): Promise<void> {
  const options = parseSwarmOptions(Deno.args);
  if (options === "help") return console.log(USAGE);
  using _interrupts = listenForInterrupts();
  for (const figure of options.figures) {
    for await (const line of TAKE[figure](options)) {
      interrupted.throwIfAborted();
      console.log(line);
    }
  }
}

try {
  await main();
} catch (error) {
  console.error(`bench:swarm: ${(error as Error).message}`);
  Deno.exitCode = interrupted.aborted ? 130 : 1;
}
