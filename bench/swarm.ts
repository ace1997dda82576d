/**
 * The figures of a swarm: its time against the bound, the gain by each source, the cost of crashes,
 * the accuracy of limits. Goals are printed, not asserted.
 */
import { killCost } from "./figures/kill_cost.ts";
import { limitAccuracy } from "./figures/limit_accuracy.ts";
import { secondSource } from "./figures/second_source.ts";
import { swarmTime } from "./figures/swarm_time.ts";
import { printFigures, runBench } from "./run_bench.ts";
import { parseSwarmOptions, USAGE } from "./swarm_options.ts";

const TAKE = { swarm: swarmTime, sources: secondSource, kills: killCost, limits: limitAccuracy };

async function main(): Promise<void> {
  const options = parseSwarmOptions(Deno.args);
  if (options === "help") return console.log(USAGE);
  await printFigures(options.figures.map((figure) => TAKE[figure](options)));
}

await runBench("bench:swarm", main);
