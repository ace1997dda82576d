/**
 * Shoal on links as people have them, with delay and loss, beside other tools on the same links in
 * the same run. Goals are printed, not asserted.
 */
import { noWan } from "../tests/support/wan/wan_network.ts";
import { wanFolder } from "./figures/wan_folder.ts";
import { wanLinks } from "./figures/wan_links.ts";
import { wanSmall } from "./figures/wan_small.ts";
import { wanSwarm } from "./figures/wan_swarm.ts";
import { interrupted, listenForInterrupts } from "./measure/interrupt.ts";
import { parseWanOptions, USAGE } from "./wan_options.ts";

const TAKE = { links: wanLinks, small: wanSmall, folder: wanFolder, swarm: wanSwarm };

async function main(): Promise<void> {
  const options = parseWanOptions(Deno.args);
  if (options === "help") return console.log(USAGE);
  if (noWan) throw new Error(`Cannot make slow links: ${noWan}`);
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
  console.error(`bench:wan: ${(error as Error).message}`);
  Deno.exitCode = interrupted.aborted ? 130 : 1;
}
