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
import { interrupted, listenForInterrupts } from "./measure/interrupt.ts";
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
  using _interrupts = listenForInterrupts();
  const browser = await launchBrowser();
  try {
    for (const figure of options.figures) {
      for await (const line of TAKE[figure](browser, options)) {
        interrupted.throwIfAborted();
        console.log(line);
      }
    }
  } finally {
    await browser.close();
  }
}

try {
  await main();
} catch (error) {
  console.error(`bench:page: ${(error as Error).message}`);
  Deno.exitCode = interrupted.aborted ? 130 : 1;
}
