import { formatTable } from "../table.ts";
import { shortId } from "../units.ts";
import type { Verb } from "./verb.ts";

/** `list-peers`: a row per active peer, or with `--json` an array of PeerRecord. */
export const listPeersVerb: Verb = {
  name: "list-peers",
  summary: "list the active peers",
  examples: ["list-peers", "list-peers --json"],
  role: "query",
  async run({ api, output }) {
    const peers = await api.listPeers();
    if (output.json) return await output.value(peers);
    if (peers.length === 0) return output.note("No peers are active.");
    // The wire's modules are of no use to `shoal --version`.
    const { formatAddress } = await import("../../wire/connection.ts");
    const rows = peers.map(({ address, port, peer, files, agent }) => [
      formatAddress({ host: address, port }),
      shortId(peer),
      files === undefined ? "-" : String(files),
      agent ?? "-",
    ]);
    await output.raw(await formatTable(["ADDRESS", "PEER", "FILES", "AGENT"], rows) + "\n");
  },
};
