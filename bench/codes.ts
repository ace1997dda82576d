/** The cost of a hand-over by a code, beside magic-wormhole. Goals are printed, not asserted. */
import { joinTime } from "./figures/join_time.ts";
import { manyReceivers } from "./figures/many_receivers.ts";
import { oneReceiver } from "./figures/one_receiver.ts";
import { type CodesOptions, parseCodesOptions, USAGE } from "./codes_options.ts";
import { printFigures, runBench } from "./run_bench.ts";

const TAKE: Record<
  CodesOptions["figures"][number],
  (options: CodesOptions) => AsyncIterable<string>
> = { one: oneReceiver, many: manyReceivers, meet: joinTime };

async function main(): Promise<void> {
  const options = parseCodesOptions(Deno.args);
  if (options === "help") return console.log(USAGE);
  await printFigures(options.figures.map((figure) => TAKE[figure](options)));
}

await runBench("bench:codes", main);
