/**
 * Shoal on links as people have them, with delay and loss, beside other tools on the same links in
 * the same run. Goals are printed, not asserted.
 */
import { noWan } from "../tests/support/wan/wan_network.ts";
import { wanFetchers } from "./figures/wan_fetchers.ts";
import { wanFolder } from "./figures/wan_folder.ts";
import { wanLinks } from "./figures/wan_links.ts";
import { wanSmall } from "./figures/wan_small.ts";
import { wanSwarm } from "./figures/wan_swarm.ts";
import { printFigures, runBench } from "./run_bench.ts";
import { parseWanOptions, USAGE } from "./wan_options.ts";

const TAKE = {
  links: wanLinks,
  small: wanSmall,
  folder: wanFolder,
  swarm: wanSwarm,
  fetchers: wanFetchers,
};

async function main(): Promise<void> {
  const options = parseWanOptions(Deno.args);
  if (options === "help") return console.log(USAGE);
  if (noWan) throw new Error(`Cannot make slow links: ${noWan}`);
  await printFigures(options.figures.map((figure) => TAKE[figure](options)));
}

await runBench("bench:wan", main);
