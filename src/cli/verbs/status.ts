import type { LiveSource, PeerStatus, Transfer } from "../../peer/api/peer_api.ts";
import { joinedParts } from "../output/joined_parts.ts";
import { formatTable } from "../output/table.ts";
import { formatAge, formatDuration, formatRate, formatSize, shortId } from "../output/units.ts";
import type { Verb } from "./verb.ts";

const compact = (text: string) => text.replace(" ", "");

/** `status`: the peer, its bootstraps, shares, transfers and what is not whole yet; with `--json` a PeerStatus. */
export const statusVerb: Verb = {
  name: "status",
  summary: "show transfers, what is shared and served, and the bootstraps",
  examples: ["status", "status --json"],
  role: "verb",
  async run({ api, output }) {
    const status = await api.status();
    if (output.json) return await output.value(status);
    const { columns } = output;
    for (const line of joinedParts(describe(status), columns)) await output.line(line);
    const tables = await Promise.all([
      bootstraps(status, columns),
      shares(status, columns),
      transfers(status, columns),
      sources(status, columns),
      partials(status, columns),
    ]);
    for (const table of tables.filter(Boolean)) await output.raw(`\n${table}\n`);
    if (status.partials.some(({ stale }) => stale)) {
      output.note(
        "Stale downloads made no progress for a week; end one with 'shoal peer cancel NAME'.",
      );
    }
  },
};

function describe({ peer, listening, dir, swarm, uptime, totals }: PeerStatus): string[] {
  return [
    `Peer ${shortId(peer)}`,
    listening ? `listening on ${listening}` : "not listening: no peer is running",
    `sharing ${dir}`,
    ...(swarm.private ? [`private swarm ${swarm.fingerprint}`] : []),
    ...(listening ? [`up ${formatDuration(uptime)}`] : []),
    `served ${formatSize(totals.served)}`,
    `fetched ${formatSize(totals.fetched)}`,
  ];
}

function bootstraps(status: PeerStatus, columns?: number): Promise<string> {
  const rows = status.bootstraps.map((one) => [
    one.address,
    one.state,
    one.listed ?? "-",
    one.reachable === undefined ? "-" : one.reachable ? "yes" : "no",
    one.error ?? "-",
  ]);
  return formatTable(["BOOTSTRAP", "STATE", "LISTED", "REACHABLE", "ERROR"], rows, {
    columns,
    optional: ["LISTED", "REACHABLE"],
  });
}

function shares(status: PeerStatus, columns?: number): Promise<string> {
  const rows = status.shares.map((one) => [
    shortId(one.id),
    compact(formatSize(one.size)),
    compact(formatSize(one.served)),
    one.kind === "folder" ? `${one.name}/` : one.name,
  ]);
  return formatTable(["SHARED", "SIZE", "SERVED", "NAME"], rows, {
    columns,
    optional: ["SERVED", "SHARED"],
  });
}

function transfers(status: PeerStatus, columns?: number): Promise<string> {
  return formatTable(
    ["TRANSFER", "STATE", "PERCENT", "BYTES", "RATE", "ETA", "SOURCES", "NAME"],
    status.transfers.map((one) => [
      one.direction,
      one.state,
      `${Math.floor(one.percent)}%`,
      compact(formatSize(one.bytes)),
      compact(formatRate(one.rate)),
      one.eta === undefined ? "-" : compact(formatDuration(one.eta)),
      String(one.sources),
      nameOf(one),
    ]),
    { columns, optional: ["BYTES", "SOURCES", "ETA", "RATE"] },
  );
}

/** The sources of the active downloads. */
function sources(status: PeerStatus, columns?: number): Promise<string> {
  const rows = status.transfers.flatMap(({ name, from }) =>
    from.map((one) => [
      one.address.replaceAll(" ", "-"),
      one.state,
      compact(formatRate(one.rate)),
      compact(formatSize(one.bytes)),
      String(one.retries),
      shortId(one.peer),
      name + whyNot(one),
    ])
  );
  return formatTable(["SOURCE", "STATE", "RATE", "BYTES", "RETRIES", "PEER", "NAME"], rows, {
    columns,
    optional: ["PEER", "RETRIES", "BYTES", "RATE"],
  });
}

function whyNot({ state, error }: LiveSource): string {
  return error && state !== "connected" ? `: ${error}` : "";
}

function partials(status: PeerStatus, columns?: number): Promise<string> {
  return formatTable(
    ["PARTIAL", "STATE", "HAVE", "SIZE", "AGE", "NAME"],
    status.partials.map((one) => [
      shortId(one.id),
      one.stale ? "stale" : one.state,
      compact(formatSize(one.bytes)),
      compact(formatSize(one.size)),
      formatAge(one.updated, Date.now()),
      one.name + (one.error ? `: ${one.error}` : one.on_request ? ": resume it to go on" : ""),
    ]),
    { columns, optional: ["PARTIAL", "AGE", "SIZE"] },
  );
}

function nameOf({ name, to, error }: Transfer): string {
  return name + (to ? ` to ${to}` : "") + (error ? `: ${error}` : "");
}
