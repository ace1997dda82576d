import { abortable } from "../../async/retry.ts";
import { formatAddress } from "../../wire/address.ts";
import { formatTable } from "../output/table.ts";
import { shortId } from "../output/units.ts";
import { formatLabels } from "./holders.ts";
import type { Verb } from "./verb.ts";

const HEADER = ["ADDRESS", "PEER", "REACHABLE", "FILES", "AGENT"];
const LABELS = "LABELS";

/** `list-peers`: a row per active peer, or with `--json` an array of PeerRecord. */
export const listPeersVerb: Verb = {
  name: "list-peers",
  summary: "list the active peers",
  examples: ["list-peers", "list-peers --json"],
  role: "query",
  async run({ api, output, signal }) {
    const peers = await abortable(api.listPeers(), signal);
    if (output.json) return await output.value(peers);
    if (peers.length === 0) return output.note("No peers are active.");
    const isLabelled = peers.some(({ labels }) => labels !== undefined);
    const rows = peers.map(({ address, port, peer, reachable, files, agent, labels }) => [
      formatAddress({ host: address, port }),
      shortId(peer),
      formatReachable(reachable),
      files === undefined ? "-" : String(files),
      agent ?? "-",
      ...isLabelled ? [formatLabels(labels)] : [],
    ]);
    const table = await formatTable(isLabelled ? [...HEADER, LABELS] : HEADER, rows, {
      columns: output.columns,
      optional: ["PEER", "FILES", ...isLabelled ? [LABELS] : []],
    });
    await output.raw(table + "\n");
  },
};

/** The result of the bootstrap's call back; `-` where the bootstrap doesn't say. */
function formatReachable(reachable: boolean | null | undefined): string {
  if (reachable === undefined) return "-";
  return reachable === null ? "checking" : reachable ? "yes" : "no";
}
