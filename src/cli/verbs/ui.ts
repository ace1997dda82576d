import { Fault } from "../../fault.ts";
import { negative } from "../args/cli_option.ts";
import type { RunningVerb } from "./verb.ts";

const OPTIONS = { open: negative("--no-open", "only print the link", { variable: null }) };

/** `ui`: the page of the running peer; with `--json` as `{address, link, opened}`. */
export const uiVerb: RunningVerb<typeof OPTIONS> = {
  name: "ui",
  summary: "open the page of the running peer in the browser, or print its sign-in link",
  examples: ["ui", "ui --no-open"],
  role: "running",
  without: "Cannot open the page: no peer runs for this folder; start one with 'shoal peer --ui'",
  options: OPTIONS,
  async run({ page, flags, output }) {
    if (!page) throw new Fault("network", uiVerb.without);
    const { address, link, dir } = await page.openUi();
    const opened = flags.open !== false && await openOnScreen(link, dir);
    if (output.json) return await output.value({ address, link, opened });
    await output.line(link);
    output.note(opened ? "Opened in the browser." : "The link is good once, for 10 minutes.");
  },
};

/** Opens a sign-in link of the peer of a DIR. What that takes is loaded for this verb alone. */
async function openOnScreen(link: string, dir: string): Promise<boolean> {
  const [{ openBrowser }, { stateFolderOf }] = await Promise.all([
    import("../process/open_browser.ts"),
    import("../../store/state/state_folder.ts"),
  ]);
  return await openBrowser(link, stateFolderOf(dir).signIn);
}
