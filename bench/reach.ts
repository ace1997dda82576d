/**
 * Peers behind routers of all kinds: which way leads from one to the other, how soon the first byte
 * comes, and what a relay costs. Goals are printed, not asserted.
 */
import { noNat } from "../tests/support/wan/nat_network.ts";
import { reachFamilies } from "./figures/reach_families.ts";
import { reachMatrix } from "./figures/reach_matrix.ts";
import { reachRates } from "./figures/reach_rates.ts";
import { parseReachOptions, USAGE } from "./reach_options.ts";
import { printFigures, runBench } from "./run_bench.ts";

const TAKE = { matrix: reachMatrix, families: reachFamilies, rates: reachRates };

async function main(): Promise<void> {
  const options = parseReachOptions(Deno.args);
  if (options === "help") return console.log(USAGE);
  if (noNat) throw new Error(`Cannot make routers: ${noNat}`);
  await printFigures(options.figures.map((figure) => TAKE[figure](options)));
}

await runBench("bench:reach", main);
