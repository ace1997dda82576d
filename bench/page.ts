/**
 * Figures of the page, in a real Chromium on this machine. `deno task bench:page`; goals are printed, not
 * asserted.
 */
import { launchBrowser } from "../tests/browser/browser.ts";
import { pageCommands, pageHung } from "./figures/page_commands.ts";
import { pageDownload } from "./figures/page_download.ts";
import { pageEvents } from "./figures/page_events.ts";
import { pageFrames } from "./figures/page_frames.ts";
import { pageLoad } from "./figures/page_load.ts";
import { printFigures, runBench } from "./run_bench.ts";
import { parsePageOptions, USAGE } from "./page_options.ts";

const TAKE = {
  load: pageLoad,
  events: pageEvents,
  commands: pageCommands,
  hung: pageHung,
  download: pageDownload,
  frames: pageFrames,
};

async function main(): Promise<void> {
  const options = parsePageOptions(Deno.args);
  if (options === "help") return console.log(USAGE);
  const browser = await launchBrowser();
  try {
    await printFigures(options.figures.map((figure) => TAKE[figure](browser, options)));
  } finally {
    await browser.close();
  }
}

await runBench("bench:page", main);
