import type { LiveSettings } from "../../peer/api/peer_api.ts";
import { parseSlots } from "../../peer/api/settings.ts";
import { formatRate, parseRate } from "../output/units.ts";
import { option } from "../args/cli_option.ts";
import type { RunningVerb } from "./verb.ts";

/** No variables: those for the limits that a peer starts with have names of their own. */
const OPTIONS = {
  up: option("--up <RATE>", "serve at most so many bytes per second: 500K, 2M, none", {
    variable: null,
    parse: parseRate,
  }),
  down: option("--down <RATE>", "fetch at most so many bytes per second", {
    variable: null,
    parse: parseRate,
  }),
  slots: option("--slots <N>", "send at most so many replies at a time", {
    variable: null,
    parse: parseSlots,
  }),
};

/** `limit`: the limits of the running peer, changed where asked; with `--json` as LiveSettings. */
export const limitVerb: RunningVerb<typeof OPTIONS> = {
  name: "limit",
  summary: "show or change the limits of the running peer",
  examples: ["limit", "limit --up 2M --down none"],
  role: "running",
  without: "Cannot ask for limits: no peer runs for this folder",
  options: OPTIONS,
  async run({ api, flags, output }) {
    const { up, down, slots } = flags;
    const changes: Partial<LiveSettings> = {
      limit_up: limitOf(up),
      limit_down: limitOf(down),
      upload_slots: slots,
    };
    const settings = Object.keys(flags).length === 0
      ? await api.settings()
      : await api.change(changes);
    if (output.json) return await output.value(settings);
    const { limit_up, limit_down, upload_slots } = settings;
    await output.line(`up ${show(limit_up)}  down ${show(limit_down)}  slots ${upload_slots}`);
  },
};

function limitOf(rate: number | undefined): number | null | undefined {
  return rate === 0 ? null : rate;
}

function show(limit: number | null): string {
  return limit === null ? "none" : formatRate(limit);
}
