import type { ListedSource } from "../../peer/api/peer_api.ts";
import { abortable } from "../../async/retry.ts";
import { formatAddress } from "../../wire/address.ts";
import { typedName } from "../args/typed_name.ts";
import { formatTable } from "../output/table.ts";
import { formatTime, shortId } from "../output/units.ts";
import type { Verb } from "./verb.ts";

const HEADER = ["HAS", "VERSION", "PEER", "ADDRESS", "LABELS"];

/** `holders NAME`: a row per peer and version, or with `--json` an array of ListedSource. */
export const holdersVerb: Verb = {
  name: "holders",
  arguments: "<NAME>",
  summary: "list which peers have a name: which version, and how much of it",
  examples: ["holders catalogue.db", "holders catalogue.db --json"],
  role: "query",
  async run({ api, args, output, signal }) {
    const name = typedName(args[0]!);
    const sources = await abortable(api.listSources(name), signal);
    if (output.json) return await output.value(sources);
    if (sources.length === 0) return output.note("No peer has that name.");
    const rows = sources.map(({ address, port, ...source }) => [
      formatProgress(source.progress),
      source.newest ? "newest" : formatTime(source.time),
      shortId(source.peer),
      formatAddress({ host: address, port }),
      formatLabels(source.labels),
    ]);
    const table = await formatTable(HEADER, rows, {
      columns: output.columns,
      optional: ["LABELS", "ADDRESS"],
    });
    await output.raw(table + "\n");
    const current = sources.filter(({ newest, progress }) => newest && progress === 1).length;
    output.note(`${current} of ${sources.length} have all of the newest version.`);
  },
};

/** A part from 0 to 1 in percent, and never 100 % of what is not complete; `?` where it is unknown. */
function formatProgress(progress: ListedSource["progress"]): string {
  return progress === null ? "?" : `${Math.floor(progress * 100)}%`;
}

/** The labels of a peer, on one line. */
export function formatLabels(labels: Record<string, string> = {}): string {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(" ") || "-";
}
